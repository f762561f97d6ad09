//! A short text form of the result, for tests.

use std::fmt::Write;

use crate::hir::{
    Arm, BinOp, Block, Expr, ExprKind, FieldDef, HirFile, Item, ItemKind, Let, Lit, Pat, Path,
    Span, StmtKind, Ty, UnOp, UseName,
};

pub(super) fn file(file: &HirFile) -> String {
    let mut out: Vec<String> = file.items.iter().map(item).collect();
    out.extend(file.unread.iter().map(|part| {
        let lock = if part.mentions_lock { " (lock)" } else { "" };
        format!(
            "unread {} at {}: {}{lock}",
            part.what, part.span.line, part.why
        )
    }));
    out.join("\n")
}

pub(super) fn at(span: Span) -> String {
    format!(
        "{}:{}-{}:{}",
        span.line, span.column, span.end_line, span.end_column
    )
}

fn list<T>(items: &[T], one: impl Fn(&T) -> String) -> String {
    items.iter().map(one).collect::<Vec<_>>().join(", ")
}

pub(super) fn item(item: &Item) -> String {
    let mut out = String::new();
    for cfg in &item.attrs.cfg {
        let _ = write!(out, "#[{cfg}] ");
    }
    if item.attrs.test {
        out.push_str("#test ");
    }
    let name = &item.name;
    out + &match &item.kind {
        ItemKind::Mod(None) => format!("mod {name};"),
        ItemKind::Mod(Some(items)) => format!("mod {name} {{ {} }}", list(items, self::item)),
        ItemKind::Use(names) => format!("use {}", list(names, use_name)),
        ItemKind::ExternCrate { krate } => format!("extern crate {krate} as {name}"),
        ItemKind::Struct(def) => format!("struct {name} {{ {} }}", list(&def.fields, field)),
        ItemKind::Enum(def) => {
            let variant =
                |v: &crate::hir::Variant| format!("{}({})", v.name, list(&v.fields, field));
            format!("enum {name} {{ {} }}", list(&def.variants, variant))
        }
        ItemKind::Trait(def) => {
            format!(
                "trait {name}: {} {{ {} }}",
                list(&def.supers, path),
                list(&def.items, self::item)
            )
        }
        ItemKind::TraitAlias => format!("trait {name} ="),
        ItemKind::Impl(def) => {
            let of = def
                .trait_
                .as_ref()
                .map(|path| self::path(path) + " for ")
                .unwrap_or_default();
            format!(
                "impl {of}{} {{ {} }}",
                ty(&def.self_ty),
                list(&def.items, self::item)
            )
        }
        ItemKind::Fn(def) => {
            let params = list(&def.params, |param| {
                format!("{}: {}", pat(&param.pat), ty(&param.ty))
            });
            let ret = def
                .ret
                .as_ref()
                .map(|ret| format!(" -> {}", ty(ret)))
                .unwrap_or_default();
            let word = if def.is_async { "async fn" } else { "fn" };
            let body = def
                .body
                .as_ref()
                .map_or(";".to_owned(), |body| format!(" {}", block(body)));
            format!("{word} {name}({params}){ret}{body}")
        }
        ItemKind::Static { ty, init, mutable } => {
            let word = if *mutable { "static mut" } else { "static" };
            let init = init
                .as_ref()
                .map(|init| expr(&init.expr))
                .unwrap_or_default();
            format!("{word} {name}: {} = {init}", self::ty(ty))
        }
        ItemKind::Const { ty, init } => {
            let init = init
                .as_ref()
                .map(|init| expr(&init.expr))
                .unwrap_or_default();
            format!("const {name}: {} = {init}", self::ty(ty))
        }
        ItemKind::TypeAlias { ty, .. } => {
            format!(
                "type {name} = {}",
                ty.as_ref().map(self::ty).unwrap_or_default()
            )
        }
        ItemKind::Include(path) => format!("include {path}"),
        ItemKind::MacroRules => format!("macro_rules {name}"),
    }
}

fn use_name(one: &UseName) -> String {
    let global = if one.global { "::" } else { "" };
    let star = if one.glob {
        "::*".to_owned()
    } else {
        format!(" as {}", one.alias)
    };
    format!("{global}{}{star}", one.path.join("::"))
}

fn field(field: &FieldDef) -> String {
    format!("{}: {}", field.name, ty(&field.ty))
}

pub(super) fn path(path: &Path) -> String {
    let segments = path.segments.iter().map(|segment| {
        let mut args: Vec<String> = segment.args().iter().map(ty).collect();
        args.extend(
            segment
                .assoc()
                .iter()
                .map(|(name, of)| format!("{name} = {}", ty(of))),
        );
        let mut out = segment.name.to_string();
        if !args.is_empty() {
            let _ = write!(out, "<{}>", args.join(", "));
        }
        if let Some((args, ret)) = segment.fn_args() {
            let ret = ret
                .as_ref()
                .map(|ret| format!(" -> {}", ty(ret)))
                .unwrap_or_default();
            let _ = write!(out, "({}){ret}", list(args, ty));
        }
        out
    });
    let text = segments.collect::<Vec<_>>().join("::");
    let global = if path.global { "::" } else { "" };
    match &path.qself {
        Some(qself) => format!("<{} as {}>::{text}", ty(qself), path.qself_position),
        None => format!("{global}{text}"),
    }
}

pub(super) fn ty(of: &Ty) -> String {
    match of {
        Ty::Path(path) => self::path(path),
        Ty::Ref { mutable, inner } => {
            format!("&{}{}", if *mutable { "mut " } else { "" }, ty(inner))
        }
        Ty::Ptr(inner) => format!("*{}", ty(inner)),
        Ty::Tuple(parts) => format!("({})", list(parts, ty)),
        Ty::Slice(inner) => format!("[{}]", ty(inner)),
        Ty::Array(inner) => format!("[{}; _]", ty(inner)),
        Ty::Fn { params, ret } => {
            let ret = ret
                .as_ref()
                .map(|ret| format!(" -> {}", ty(ret)))
                .unwrap_or_default();
            format!("fn({}){ret}", list(params, ty))
        }
        Ty::Impl(bounds) => format!(
            "impl {}",
            bounds.iter().map(path).collect::<Vec<_>>().join(" + ")
        ),
        Ty::Dyn(bounds) => format!(
            "dyn {}",
            bounds.iter().map(path).collect::<Vec<_>>().join(" + ")
        ),
        Ty::Never => "!".to_owned(),
        Ty::Infer => "_".to_owned(),
    }
}

pub(super) fn pat(of: &Pat) -> String {
    match of {
        Pat::Wild => "_".to_owned(),
        Pat::Bind {
            name,
            by_ref,
            mutable,
            sub,
            ..
        } => {
            let by_ref = if *by_ref { "ref " } else { "" };
            let mutable = if *mutable { "mut " } else { "" };
            let sub = sub
                .as_ref()
                .map(|sub| format!(" @ {}", pat(sub)))
                .unwrap_or_default();
            format!("{by_ref}{mutable}{name}{sub}")
        }
        Pat::Tuple(parts) => format!("({})", list(parts, pat)),
        Pat::TupleStruct { path, pats } => format!("{}({})", self::path(path), list(pats, pat)),
        Pat::Struct { path, fields } => {
            format!(
                "{} {{ {} }}",
                self::path(path),
                list(fields, |(name, of)| format!("{name}: {}", pat(of)))
            )
        }
        Pat::Ref(inner) => format!("&{}", pat(inner)),
        Pat::Slice(parts) => format!("[{}]", list(parts, pat)),
        Pat::Or(parts) => parts.iter().map(pat).collect::<Vec<_>>().join(" | "),
        Pat::Path(path) => self::path(path),
        Pat::Typed(inner, of) => format!("{}: {}", pat(inner), ty(of)),
        Pat::Rest => "..".to_owned(),
        Pat::Lit => "lit".to_owned(),
    }
}

pub(super) fn block(block: &Block) -> String {
    let mut parts: Vec<String> = Vec::new();
    for stmt in &block.stmts {
        parts.push(match &stmt.kind {
            StmtKind::Let(written) => {
                let Let {
                    pat,
                    ty,
                    init,
                    else_,
                } = &**written;
                let ty = ty
                    .as_ref()
                    .map(|ty| format!(": {}", self::ty(ty)))
                    .unwrap_or_default();
                let init = init
                    .as_ref()
                    .map(|init| format!(" = {}", expr(init)))
                    .unwrap_or_default();
                let else_ = else_
                    .as_ref()
                    .map(|block| format!(" else {}", self::block(block)))
                    .unwrap_or_default();
                format!("let {}{ty}{init}{else_};", self::pat(pat))
            }
            StmtKind::Expr(of) => expr(of) + ";",
            StmtKind::Item(of) => item(of),
        });
    }
    parts.extend(block.tail.as_ref().map(|tail| expr(tail)));
    let label = block
        .label
        .as_ref()
        .map(|label| format!("'{label}: "))
        .unwrap_or_default();
    format!("{label}{{ {} }}", parts.join(" "))
}

fn lit(of: &Lit) -> String {
    match of {
        Lit::Int(value) => value.map_or("int".to_owned(), |value| value.to_string()),
        Lit::Float => "float".to_owned(),
        Lit::Bool(value) => value.to_string(),
        Lit::Str(text) => format!("{text:?}"),
        Lit::Other => "lit".to_owned(),
    }
}

pub(super) fn expr(of: &Expr) -> String {
    let opt = |of: &Option<Box<Expr>>| {
        of.as_ref()
            .map(|of| format!(" {}", expr(of)))
            .unwrap_or_default()
    };
    let label =
        |of: &crate::hir::Label| of.as_ref().map(|of| format!(" '{of}")).unwrap_or_default();
    match &of.kind {
        ExprKind::Path(of) => path(of),
        ExprKind::Lit(of) => lit(of),
        ExprKind::Field { base, name, .. } => format!("{}.{name}", expr(base)),
        ExprKind::Index { base, index } => format!("{}[{}]", expr(base), expr(index)),
        ExprKind::Call { callee, args } => format!("{}({})", expr(callee), list(args, expr)),
        ExprKind::MethodCall {
            receiver,
            name,
            generics,
            args,
            ..
        } => {
            let generics = if generics.is_empty() {
                String::new()
            } else {
                format!("::<{}>", list(generics, ty))
            };
            format!("{}.{name}{generics}({})", expr(receiver), list(args, expr))
        }
        ExprKind::Unary { op, expr: inner } => {
            let op = match op {
                UnOp::Deref => '*',
                UnOp::Not => '!',
                UnOp::Neg => '-',
            };
            format!("{op}{}", expr(inner))
        }
        ExprKind::Ref {
            mutable,
            expr: inner,
        } => format!("&{}{}", if *mutable { "mut " } else { "" }, expr(inner)),
        ExprKind::Try(inner) => format!("{}?", expr(inner)),
        ExprKind::Await { expr: inner, .. } => format!("{}.await", expr(inner)),
        ExprKind::Cast { expr: inner, ty } => format!("({} as {})", expr(inner), self::ty(ty)),
        ExprKind::Binary { op, left, right } => {
            let op = match op {
                BinOp::Arith(op) => format!("{op:?}"),
                op => format!("{op:?}"),
            };
            format!("({op} {} {})", expr(left), expr(right))
        }
        ExprKind::Assign { left, right } => format!("{} = {}", expr(left), expr(right)),
        ExprKind::AssignOp { op, left, right } => {
            format!("{} {op:?}= {}", expr(left), expr(right))
        }
        ExprKind::Let { pat, expr: inner } => format!("let {} = {}", self::pat(pat), expr(inner)),
        ExprKind::Block(of) => block(of),
        ExprKind::Async { block: of } => format!("async {}", block(of)),
        ExprKind::If { cond, then, else_ } => {
            let else_ = else_
                .as_ref()
                .map(|of| format!(" else {}", expr(of)))
                .unwrap_or_default();
            format!("if {} {}{else_}", expr(cond), block(then))
        }
        ExprKind::Match { scrutinee, arms } => {
            format!("match {} {{ {} }}", expr(scrutinee), list(arms, arm))
        }
        ExprKind::Loop { label: name, body } => format!("loop{} {}", label(name), block(body)),
        ExprKind::While {
            label: name,
            cond,
            body,
        } => format!("while{} {} {}", label(name), expr(cond), block(body)),
        ExprKind::For {
            label: name,
            pat,
            iter,
            body,
        } => {
            format!(
                "for{} {} in {} {}",
                label(name),
                self::pat(pat),
                expr(iter),
                block(body)
            )
        }
        ExprKind::Break { label: name, value } => format!("break{}{}", label(name), opt(value)),
        ExprKind::Continue { label: name } => format!("continue{}", label(name)),
        ExprKind::Return(value) => format!("return{}", opt(value)),
        ExprKind::Closure(of) => {
            let words = [(of.is_async, "async "), (of.is_move, "move ")];
            let words: String = words
                .iter()
                .filter(|(on, _)| *on)
                .map(|(_, word)| *word)
                .collect();
            let params = list(&of.params, |(pat, ty)| {
                self::pat(pat)
                    + &ty
                        .as_ref()
                        .map(|ty| format!(": {}", self::ty(ty)))
                        .unwrap_or_default()
            });
            format!("{words}|{params}| {}", expr(&of.body))
        }
        ExprKind::Tuple(parts) => format!("({})", list(parts, expr)),
        ExprKind::Array(parts) => format!("[{}]", list(parts, expr)),
        ExprKind::Repeat { elem, len } => format!("[{}; {len:?}]", expr(elem)),
        ExprKind::Struct { path, fields, base } => {
            let fields = list(fields, |(name, of)| format!("{name}: {}", expr(of)));
            let base = base
                .as_ref()
                .map(|base| format!(" ..{}", expr(base)))
                .unwrap_or_default();
            format!("{} {{ {fields}{base} }}", self::path(path))
        }
        ExprKind::Range(start, end) => format!("({} ..{})", opt(start).trim(), opt(end)),
        ExprKind::Macro(call) => format!(
            "{:?} {}!({})",
            call.kind,
            path(&call.path),
            list(&call.args, expr)
        ),
        ExprKind::Other => "?".to_owned(),
    }
}

fn arm(arm: &Arm) -> String {
    let guard = arm
        .guard
        .as_ref()
        .map(|guard| format!(" if {}", expr(guard)))
        .unwrap_or_default();
    format!("{}{guard} => {}", pat(&arm.pat), expr(&arm.body))
}
