//! Pins a submission's public interface to the starter's.
//!
//! A hidden test calls the submission's code, so types that the submission chooses are compared
//! with `assert_eq!` in the test's own crate: a `total()` that returns a type of its own, equal to
//! everything, passes every such test. So the hidden tests are compiled together with a generated
//! module that names every function and field of the starter with its exact type, in a scope where
//! only the language and std give types their meaning.
//!
//! Not pinned, because it cannot be written as a type: what has `impl Trait` in its signature, is
//! `async`, has const parameters, or names a type that cannot be named from outside. The hidden
//! tests have to pin those themselves.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    Field, FnArg, GenericParam, Generics, ImplItem, Item, ItemImpl, ReceiverKind, ReturnType,
    Signature, Type, UseTree, Visibility, parse_quote,
};

mod names;

use names::Names;

/// The module's name in the crate of the hidden tests.
pub(crate) const MODULE: &str = "conclint_interface";

/// The generated module, and what each of its lines stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its text.
    pub text: String,
    /// What a line pins, from 1: `Counter::total: fn(&Counter) -> u64`. Empty for other lines.
    pub lines: Vec<String>,
    /// Public functions that cannot be pinned.
    pub open: Vec<String>,
    /// What the types of the starter's modules are called from outside.
    names: Names,
}

impl Interface {
    /// From the starter's root file.
    ///
    /// # Errors
    /// Where it is no Rust.
    pub fn of(crate_name: &str, starter: &str) -> Result<Self> {
        let file = syn::parse_file(starter).map_err(|error| no_rust(&error))?;
        let mut out = Interface::default();
        out.line("#![allow(unused_imports, dead_code, clippy::all)]", "");
        for item in &file.items {
            if let Item::Use(item) = item
                && let Some(text) = standard(&item.tree)
            {
                out.line(&format!("use {text};"), "");
            }
        }
        for item in &file.items {
            let (ident, visibility) = match item {
                Item::Struct(item) => (&item.ident, &item.vis),
                Item::Enum(item) => (&item.ident, &item.vis),
                Item::Type(item) => (&item.ident, &item.vis),
                Item::Trait(item) => (&item.ident, &item.vis),
                _ => continue,
            };
            if is_public(visibility) {
                let text = format!("use ::{crate_name}::{ident};");
                out.line(&text, &format!("`{ident}`"));
            }
        }
        out.names = Names::of(crate_name, &file.items);
        for (name, path) in out.names.imports() {
            out.line(&format!("use {path} as {name};"), &format!("`{name}`"));
        }
        for item in &file.items {
            match item {
                Item::Fn(item) if is_public(&item.vis) => {
                    let path = format!("::{crate_name}::{}", item.sig.ident);
                    out.function(&item.sig, None, &path);
                }
                Item::Struct(item) => {
                    let name = &item.ident;
                    let (_, arguments, _) = item.generics.split_for_impl();
                    let own: Type = parse_quote!(#name #arguments);
                    for field in &item.fields {
                        out.field(&item.generics, &own, field);
                    }
                }
                Item::Impl(item) if item.trait_.is_none() => out.methods(item),
                _ => {}
            }
        }
        Ok(out)
    }

    fn line(&mut self, text: &str, what: &str) {
        let _ = writeln!(self.text, "{text}");
        self.lines.push(what.to_owned());
    }

    fn methods(&mut self, item: &ItemImpl) {
        for member in &item.items {
            if let ImplItem::Fn(function) = member
                && is_public(&function.vis)
            {
                let own = &item.self_ty;
                let path = format!("<{}>::{}", flat(own), function.sig.ident);
                self.function(&function.sig, Some((&item.generics, own)), &path);
            }
        }
    }

    fn function(&mut self, signature: &Signature, owner: Option<(&Generics, &Type)>, path: &str) {
        let shown = match owner {
            Some((_, own)) => format!("{}::{}", base(own), signature.ident),
            None => signature.ident.to_string(),
        };
        let generics = owner.map(|(generics, _)| generics).into_iter();
        let generics: Vec<&Generics> = generics.chain([&signature.generics]).collect();
        let own = owner.map(|(_, own)| own);
        let mut signature = signature.clone();
        let nameable = self
            .names
            .outside(|names| names.visit_signature_mut(&mut signature));
        let parameters = parameters(&generics);
        let (Some((parameters, bounds)), Some(pointer), true) =
            (parameters, pointer(&signature, own), nameable)
        else {
            self.open.push(shown);
            return;
        };
        let number = self.lines.len();
        let text =
            format!("fn pin_{number}{parameters}() {bounds} {{ let _: {pointer} = {path}; }}");
        self.line(&text, &format!("`{shown}` as `{pointer}`"));
    }

    fn field(&mut self, generics: &Generics, own: &Type, field: &Field) {
        let Some(ident) = field.ident.as_ref().filter(|_| is_public(&field.vis)) else {
            return;
        };
        let shown = format!("{}.{ident}", base(own));
        let mut field = field.clone();
        let nameable = self
            .names
            .outside(|names| names.visit_type_mut(&mut field.ty));
        let Some((parameters, bounds)) = parameters(&[generics]).filter(|_| nameable) else {
            self.open.push(shown);
            return;
        };
        let (number, own, ty) = (self.lines.len(), flat(own), flat(&field.ty));
        let text = format!(
            "fn pin_{number}{parameters}(whole: &{own}) {bounds} {{ let _: &{ty} = &whole.{ident}; }}"
        );
        self.line(&text, &format!("`{shown}` as `{ty}`"));
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Tokens on one line, with the spaces that people write.
fn flat(tokens: &impl quote::ToTokens) -> String {
    let text = tokens.to_token_stream().to_string();
    let mut text = text.replace('\n', " ");
    for (from, to) in [
        ("& ", "&"),
        (" :: ", "::"),
        (":: ", "::"),
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" ,", ","),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        ("->(", "-> ("),
    ] {
        text = text.replace(from, to);
    }
    text
}

/// A type's name without its arguments.
fn base(own: &Type) -> String {
    match own {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .map_or(String::new(), |s| s.ident.to_string()),
        other => flat(other),
    }
}

/// An import that begins in std; others lead into the submission.
fn standard(tree: &UseTree) -> Option<String> {
    let UseTree::Path(path) = tree else {
        return None;
    };
    let root = path.ident.to_string();
    matches!(root.as_str(), "std" | "core" | "alloc").then(|| format!("::{}", flat(tree)))
}

/// Parameters and bounds for a generic function. Each type has every bound that a submission may
/// ask for: the functions are never called, so more bounds only make the pin more lenient.
fn parameters(generics: &[&Generics]) -> Option<(String, String)> {
    let (mut list, mut bounds) = (Vec::new(), Vec::new());
    for parameter in generics.iter().flat_map(|g| &g.params) {
        match parameter {
            // A function pointer is general over its own lifetimes; those of an owner are listed.
            GenericParam::Lifetime(lifetime) => list.push(flat(&lifetime.lifetime)),
            GenericParam::Type(ty) => {
                let (name, own) = (&ty.ident, flat(&ty.bounds));
                list.push(name.to_string());
                let own = if own.is_empty() {
                    own
                } else {
                    format!("{own} + ")
                };
                bounds.push(format!("{name}: {own}Send + Sync + Copy + 'static + Debug"));
            }
            GenericParam::Const(_) => return None,
        }
    }
    let clauses = generics.iter().filter_map(|g| g.where_clause.as_ref());
    for clause in clauses.flat_map(|c| &c.predicates) {
        bounds.push(flat(clause));
    }
    let list = match list.as_slice() {
        [] => String::new(),
        list => format!("<{}>", list.join(", ")),
    };
    let bounds = match bounds.as_slice() {
        [] => String::new(),
        bounds => format!("where {}", bounds.join(", ")).replace("+ Debug", "+ ::core::fmt::Debug"),
    };
    Some((list, bounds))
}

/// The function as a type.
fn pointer(signature: &Signature, own: Option<&Type>) -> Option<String> {
    if signature.asyncness.is_some()
        || signature.variadic.is_some()
        || signature.generics.lifetimes().next().is_some()
    {
        return None;
    }
    let mut arguments: Vec<Type> = Vec::new();
    let mut by_self = false;
    for argument in &signature.inputs {
        let ty = match argument {
            FnArg::Typed(argument) => (*argument.ty).clone(),
            FnArg::Receiver(receiver) => {
                by_self |= matches!(receiver.kind, ReceiverKind::Reference(..));
                match &receiver.kind {
                    ReceiverKind::Value => parse_quote!(Self),
                    ReceiverKind::Reference(_, _, None) => parse_quote!(&'receiver Self),
                    ReceiverKind::Reference(..) => parse_quote!(&'receiver mut Self),
                    ReceiverKind::Typed(_, ty) => (**ty).clone(),
                    _ => return None,
                }
            }
        };
        arguments.push(ty);
    }
    let mut output: Option<Type> = match &signature.output {
        ReturnType::Default => None,
        ReturnType::Type(_, ty) => Some((**ty).clone()),
    };
    let mut written = Expressible(true);
    for ty in arguments.iter().chain(&output) {
        written.visit_type(ty);
    }
    if !written.0 {
        return None;
    }
    if let Some(own) = own {
        let mut replace = Own(own);
        for ty in arguments.iter_mut().chain(&mut output) {
            replace.visit_type_mut(ty);
        }
    }
    // What a method lends is lent from its receiver.
    let mut named = Lent { used: false };
    if by_self && let Some(ty) = &mut output {
        named.visit_type_mut(ty);
    }
    if !named.used {
        for ty in &mut arguments {
            if let Type::Reference(reference) = ty
                && reference.lifetime == Some(parse_quote!('receiver))
            {
                reference.lifetime = None;
            }
        }
    }
    let general = if named.used { "for<'receiver> " } else { "" };
    let arguments: Vec<String> = arguments.iter().map(flat).collect();
    let output = output.map_or(String::new(), |ty| format!(" -> {}", flat(&ty)));
    Some(format!("{general}fn({}){output}", arguments.join(", ")))
}

/// Whether a type can stand in a function pointer.
struct Expressible(bool);

impl<'ast> Visit<'ast> for Expressible {
    fn visit_type_impl_trait(&mut self, _: &'ast syn::TypeImplTrait) {
        self.0 = false;
    }

    fn visit_type_macro(&mut self, _: &'ast syn::TypeMacro) {
        self.0 = false;
    }

    fn visit_type_infer(&mut self, _: &'ast syn::TypeInfer) {
        self.0 = false;
    }

    fn visit_type(&mut self, ty: &'ast Type) {
        visit::visit_type(self, ty);
    }
}

/// Writes the owner in place of `Self`.
struct Own<'a>(&'a Type);

impl VisitMut for Own<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if matches!(ty, Type::Path(path) if path.path.is_ident("Self")) {
            *ty = self.0.clone();
        } else {
            visit_mut::visit_type_mut(self, ty);
        }
    }
}

/// Names the lifetimes that were left out.
struct Lent {
    used: bool,
}

impl VisitMut for Lent {
    fn visit_type_reference_mut(&mut self, reference: &mut syn::TypeReference) {
        if reference.lifetime.is_none() {
            reference.lifetime = Some(parse_quote!('receiver));
            self.used = true;
        }
        visit_mut::visit_type_reference_mut(self, reference);
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut syn::Lifetime) {
        if lifetime.ident == "_" {
            *lifetime = syn::Lifetime::new("'receiver", lifetime.span());
            self.used = true;
        }
    }
}

/// Refuses hidden tests that import everything from the submission: a macro or a type of its own
/// would then stand in for `assert_eq!` or `Option`.
///
/// # Errors
/// With file and line.
pub(crate) fn no_globs(crate_name: &str, name: &str, text: &str) -> Result<()> {
    let file = syn::parse_file(text)
        .map_err(|error| no_rust(&error))
        .with_context(|| format!("hidden/{name}"))?;
    let mut globs = Globs {
        crate_name,
        lines: Vec::new(),
    };
    globs.visit_file(&file);
    if let Some(line) = globs.lines.first() {
        bail!(
            "hidden/{name}:{line}: `use {crate_name}::..::*`: a submission could put a macro or a \
             type of its own in the place of one that the tests use; import by name"
        );
    }
    Ok(())
}

/// Why a file does not parse, with the line.
fn no_rust(error: &syn::Error) -> anyhow::Error {
    let line = error.span().start().line;
    match error.to_string().as_str() {
        // All that its lexer says.
        "cannot parse string into token stream" => {
            anyhow::anyhow!("line {line}: a bracket or a quote has no counterpart")
        }
        said => anyhow::anyhow!("line {line}: {said}"),
    }
}

struct Globs<'a> {
    crate_name: &'a str,
    lines: Vec<usize>,
}

impl<'ast> Visit<'ast> for Globs<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if let UseTree::Path(path) = &item.tree
            && path.ident == self.crate_name
            && has_glob(&path.tree)
        {
            self.lines.push(item.span().start().line);
        }
    }
}

fn has_glob(tree: &UseTree) -> bool {
    match tree {
        UseTree::Glob(_) => true,
        UseTree::Path(path) => has_glob(&path.tree),
        UseTree::Group(group) => group.items.iter().any(has_glob),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pins(starter: &str) -> Vec<String> {
        let interface = Interface::of("x", starter).expect("Rust");
        assert!(
            syn::parse_file(&interface.text).is_ok(),
            "{}",
            interface.text
        );
        let lines = interface.lines.into_iter();
        lines.filter(|l| !l.is_empty()).collect()
    }

    #[test]
    fn functions_methods_and_fields() {
        let starter = "
            use std::collections::BTreeMap;
            pub mod links;
            pub struct Queue<T> { items: Vec<T>, pub size: usize }
            impl<T> Queue<T> {
                pub fn new(n: usize) -> Self { todo!() }
                pub fn push(&self, item: T) -> Result<(), T> { todo!() }
                pub fn first(&self, from: &str) -> Option<&T> { todo!() }
                fn own(&self) {}
            }
            pub fn crawl<F>(start: &str, fetch: F) -> BTreeMap<String, u8>
            where F: Fn(&str) -> Option<String> + Sync { todo!() }
            fn own() {}
        ";
        assert_eq!(
            pins(starter),
            [
                "`Queue`",
                "`Queue.size` as `usize`",
                "`Queue::new` as `fn(usize) -> Queue<T>`",
                "`Queue::push` as `fn(&Queue<T>, T) -> Result<(), T>`",
                "`Queue::first` as `for<'receiver> fn(&'receiver Queue<T>, &str) -> Option<&'receiver T>`",
                "`crawl` as `fn(&str, F) -> BTreeMap<String, u8>`",
            ]
        );
    }

    #[test]
    fn what_is_no_rust_is_said_with_its_line() {
        let said = |text: &str| {
            let error = no_globs("x", "tests.rs", text).expect_err("no Rust");
            format!("{error:#}")
        };
        assert_eq!(
            said("fn a() {}\nfn b( {"),
            "hidden/tests.rs: line 2: a bracket or a quote has no counterpart"
        );
        assert_eq!(
            said("\nfn;"),
            "hidden/tests.rs: line 2: expected identifier"
        );
    }

    #[test]
    fn what_cannot_be_written_is_left_open() {
        let starter =
            "pub async fn a() {} pub fn b() -> impl Sized {} pub fn c<const N: usize>() {}";
        let interface = Interface::of("x", starter).expect("Rust");
        assert_eq!(interface.open, ["a", "b", "c"]);
    }

    #[test]
    fn types_of_modules_have_a_name_outside() {
        let starter = "
            pub mod refused;
            mod inner;
            mod private;
            use crate::refused::{Refused, Reason as Why};
            pub use inner::Account;
            use private::Ticket;
            pub struct Bank { pub last: Why }
            impl Bank {
                pub fn deposit(&self, to: usize) -> Result<(), Refused> { todo!() }
                pub fn why(&self) -> refused::Reason { todo!() }
                pub fn account(&self) -> Option<&crate::inner::Account> { todo!() }
                pub fn open(&self) -> Account { todo!() }
                pub fn other(&self) -> crate::Bank { todo!() }
                pub fn ticket(&self) -> Option<Ticket> { todo!() }
            }
        ";
        let interface = Interface::of("x", starter).expect("Rust");
        assert_eq!(interface.open, ["Bank::account", "Bank::ticket"]);
        for import in [
            "use ::x::Account as Account;",
            "use ::x::refused::Refused as Refused;",
            "use ::x::refused::Reason as Why;",
        ] {
            assert!(interface.text.contains(import), "{}", interface.text);
        }
        assert_eq!(
            pins(starter)[4..],
            [
                "`Bank.last` as `Why`",
                "`Bank::deposit` as `fn(&Bank, usize) -> Result<(), Refused>`",
                "`Bank::why` as `fn(&Bank) -> ::x::refused::Reason`",
                "`Bank::open` as `fn(&Bank) -> Account`",
                "`Bank::other` as `fn(&Bank) -> ::x::Bank`",
            ]
        );
    }

    #[test]
    fn hidden_tests_import_by_name() {
        let check = |text| no_globs("counter", "tests.rs", text);
        assert!(check("use counter::{Counter, count}; use std::sync::*;").is_ok());
        for text in [
            "use counter::*;",
            "\nmod m { use counter::{Counter, inner::*}; }",
        ] {
            let error = check(text).unwrap_err().to_string();
            assert!(error.contains("import by name"), "{error}");
        }
        assert!(
            check("\nfn (")
                .unwrap_err()
                .to_string()
                .contains("tests.rs")
        );
    }
}
