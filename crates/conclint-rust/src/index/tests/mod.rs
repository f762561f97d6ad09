//! Small workspaces, and what their names mean.

mod members;

use super::*;
use crate::parse::parse_file;
use crate::workspace::tests::build;

fn index(files: &[(&str, &str)], manifests: &[(&str, &str)]) -> Index {
    Index::build(&build(files, manifests))
}

fn one(text: &str) -> Index {
    index(&[("main.rs", text)], &[])
}

impl Index {
    fn the_fn(&self, key: &str) -> FnIdx {
        let found = self.fns.iter().position(|f| f.key == key);
        let keys: Vec<_> = self.fns.iter().map(|f| &f.key).collect();
        FnIdx(found.unwrap_or_else(|| panic!("no {key} in {keys:?}")) as u32)
    }

    fn show(&self, ty: &Ty) -> String {
        let list = |tys: &[Ty]| {
            tys.iter()
                .map(|t| self.show(t))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let with = |name: &str, args: &[Ty]| {
            if args.is_empty() {
                name.to_owned()
            } else {
                format!("{name}<{}>", list(args))
            }
        };
        match ty {
            Ty::Unknown => "?".into(),
            Ty::Adt(id, args) => with(self.type_key(*id), args),
            Ty::Ext(path, args) => with(path, args),
            Ty::Ref(_, inner) => format!("&{}", self.show(inner)),
            Ty::Ptr(inner) => format!("*{}", self.show(inner)),
            Ty::Param(name) => format!("'{name}"),
            Ty::Bounded(is_dyn, bounds) => {
                let names: Vec<_> = bounds
                    .iter()
                    .map(|b| with(&self.trait_path(&b.trait_), &b.args))
                    .collect();
                format!(
                    "{} {}",
                    if *is_dyn { "dyn" } else { "impl" },
                    names.join(" + ")
                )
            }
            Ty::Tuple(parts) => format!("({})", list(parts)),
            Ty::Slice(inner) => format!("[{}]", self.show(inner)),
            Ty::Fn(params, ret) => format!("fn({}) -> {}", list(params), self.show(ret)),
            Ty::Never => "!".into(),
        }
    }

    /// The type of the function's first parameter.
    fn param(&self, key: &str) -> String {
        self.show(&self.fn_param_ty(self.the_fn(key), 0))
    }

    fn scope_of(&self, key: &str) -> Scope {
        self.fns[self.the_fn(key).index()].scope.clone()
    }

    /// What a path written in a function's body means.
    fn value(&self, key: &str, path: &str) -> String {
        let hir = parse_file(&format!("fn f() {{ {path}; }}"));
        let hir::ItemKind::Fn(def) = &hir.items[0].kind else {
            panic!("no fn")
        };
        let hir::StmtKind::Expr(expr) = &def.body.as_ref().expect("a body").stmts[0].kind else {
            panic!("no expr")
        };
        let hir::ExprKind::Path(path) = &expr.kind else {
            panic!("no path")
        };
        match self.resolve_value(&self.scope_of(key), path) {
            ValueRes::Fns(res) => format!(
                "{:?} {} on {}",
                res.how,
                self.keys(&res.fns),
                self.show(&res.self_ty)
            ),
            ValueRes::Static(id) => format!("static {}", self.static_(id).key),
            ValueRes::Const(ty) => format!("const {}", self.show(&ty)),
            ValueRes::Ctor { ty, variant } => format!("ctor {} {variant:?}", self.type_key(ty)),
            ValueRes::Ext(path) => format!("ext {path}"),
            ValueRes::Unknown => "?".into(),
        }
    }

    fn keys(&self, fns: &[FnIdx]) -> String {
        fns.iter()
            .map(|f| self.fns[f.index()].key.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// The method found on the type of a function's first parameter.
    fn method_on(&self, key: &str, name: &str) -> String {
        let f = self.the_fn(key);
        match self.method(&self.scope_of(key), &self.fn_param_ty(f, 0), name) {
            Some(res) => format!(
                "{:?} {} on {}",
                res.how,
                self.keys(&res.fns),
                self.show(&res.self_ty)
            ),
            None => "none".into(),
        }
    }

    /// The type of a field of a function's first parameter.
    fn field_of(&self, key: &str, name: &str) -> String {
        self.field(&self.fn_param_ty(self.the_fn(key), 0), name)
            .map_or("none".into(), |f| self.show(&f.ty))
    }
}

#[test]
fn imports_aliases_and_the_prelude() {
    let ix = one("
        use std::sync::{Arc, Mutex as Lock, atomic};
        use std::thread;
        type Shared<T> = Arc<Lock<T>>;
        type Name = String;
        struct S;
        fn a(x: Shared<Vec<S>>) {}
        fn b(x: &mut Option<Box<dyn Fn(u32) -> Name + Send>>) {}
        fn c(x: atomic::AtomicBool) {}
        fn d(x: [(&str, core::cell::RefCell<u8>); 3]) {}
        fn e(x: Box<dyn Iterator<Item = S>>) {}
        fn f(x: Nothing) {}
        fn g(x: Result<(), !>) {}
        fn h(x: parking_lot::RwLock<S>) {}
    ");
    assert_eq!(
        ix.param("main::a"),
        "std::sync::Arc<std::sync::Mutex<std::vec::Vec<main::S>>>"
    );
    assert_eq!(
        ix.param("main::b"),
        "&std::option::Option<std::boxed::Box<fn(u32) -> std::string::String>>"
    );
    assert_eq!(ix.param("main::c"), "std::sync::atomic::AtomicBool");
    assert_eq!(ix.param("main::d"), "[(&str, std::cell::RefCell<u8>)]");
    assert_eq!(
        ix.param("main::e"),
        "std::boxed::Box<dyn std::iter::Iterator>"
    );
    assert_eq!(ix.param("main::f"), "?");
    assert_eq!(ix.param("main::g"), "std::result::Result<(), !>");
    assert_eq!(ix.param("main::h"), "parking_lot::RwLock<main::S>");
    assert_eq!(
        ix.value("main::a", "Shared::new"),
        "ext std::sync::Arc::new"
    );
    assert_eq!(
        ix.value("main::a", "Arc::<S>::clone"),
        "ext std::sync::Arc::clone"
    );
    assert_eq!(
        ix.value("main::a", "thread::spawn"),
        "ext std::thread::spawn"
    );
    assert_eq!(ix.value("main::a", "Some"), "ext std::option::Option::Some");
    assert_eq!(ix.value("main::a", "drop"), "ext std::mem::drop");
    assert_eq!(ix.value("main::a", "S"), "ctor main::S None");
    assert_eq!(ix.value("main::a", "nothing"), "?");
}

#[test]
fn globs_and_re_exports_across_files() {
    let ix = index(
        &[
            (
                "src/lib.rs",
                "mod a; pub mod b; pub use a::inner::*; use std::sync::*; fn f(x: Deep, y: Mutex<u8>) {}",
            ),
            (
                "src/a.rs",
                "pub mod inner; pub use self::inner::Deep as Renamed; fn g(x: super::Deep) {}",
            ),
            (
                "src/a/inner.rs",
                "pub struct Deep { pub m: super::super::b::Own } pub enum E { One, Two(u8) } pub fn free() {}",
            ),
            (
                "src/b.rs",
                "use super::*; use crate::a::Renamed; pub use super::E::*;\n
                pub struct Own; fn h(x: Renamed) {} fn i(x: Mutex<Own>) {} fn j() {}",
            ),
        ],
        &[("", "[package]\nname = 'my-lib'\nedition = '2021'")],
    );
    assert_eq!(ix.param("my_lib::f"), "my_lib::a::inner::Deep");
    assert_eq!(ix.param("my_lib::a::g"), "my_lib::a::inner::Deep");
    assert_eq!(ix.param("my_lib::b::h"), "my_lib::a::inner::Deep");
    assert_eq!(ix.param("my_lib::b::i"), "std::sync::Mutex<my_lib::b::Own>");
    assert_eq!(ix.field_of("my_lib::b::h", "m"), "my_lib::b::Own");
    assert_eq!(
        ix.value("my_lib::b::j", "One"),
        "ctor my_lib::a::inner::E Some(0)"
    );
    assert_eq!(
        ix.value("my_lib::b::j", "crate::E::Two"),
        "ctor my_lib::a::inner::E Some(1)"
    );
    assert_eq!(
        ix.value("my_lib::b::j", "super::b::Two"),
        "ctor my_lib::a::inner::E Some(1)"
    );
    assert_eq!(
        ix.value("my_lib::b::j", "free"),
        "Exact my_lib::a::inner::free on ?"
    );
    assert!(
        ix.fns[ix.the_fn("my_lib::a::inner::free").index()].is_pub,
        "re-exported"
    );
    assert!(!ix.fns[ix.the_fn("my_lib::b::j").index()].is_pub);
}

#[test]
fn same_names_in_two_crates_stay_apart() {
    let ix = index(
        &[
            ("one/src/lib.rs", "pub struct State { pub m: std::sync::Mutex<u8> } impl State { pub fn go(&self) {} }"),
            ("two/src/lib.rs", "use first::State as Other; pub struct State; fn f(x: Other) {} fn g(x: State) {}
                fn h(x: ext::Mutex<State>) {}"),
        ],
        &[
            ("one", "[package]\nname = 'one'\nedition = '2021'"),
            ("two", "[package]\nname = 'two'\nedition = '2018'\n[dependencies]\n
                first = { package = 'one', path = '../one' }\next = { package = 'parking_lot', version = '0.12' }"),
        ],
    );
    assert_eq!(ix.param("two::f"), "one::State");
    assert_eq!(ix.param("two::g"), "two::State");
    assert_eq!(ix.param("two::h"), "parking_lot::Mutex<two::State>");
    assert_eq!(
        ix.method_on("two::f", "go"),
        "Exact one::State::go on one::State"
    );
    assert_eq!(ix.method_on("two::g", "go"), "none");
    assert_eq!(ix.field_of("two::f", "m"), "std::sync::Mutex<u8>");
}

#[test]
fn edition_2015_paths_start_at_the_root() {
    let ix = index(
        &[
            (
                "src/lib.rs",
                "extern crate parking_lot as pl; mod a; mod b; use pl::Mutex; fn f(x: Mutex<u8>, y: ::a::A) {}",
            ),
            (
                "src/a.rs",
                "pub struct A; use b::B; fn g(x: B) {} fn h(x: ::pl::RwLock<u8>) {} fn i(x: Box<Tr>) {} trait Tr {}",
            ),
            ("src/b.rs", "pub struct B;"),
        ],
        &[("", "[package]\nname = 'old'")],
    );
    assert_eq!(ix.param("old::f"), "parking_lot::Mutex<u8>");
    assert_eq!(
        ix.show(&ix.fn_param_ty(ix.the_fn("old::f"), 1)),
        "old::a::A"
    );
    assert_eq!(ix.param("old::a::g"), "old::b::B");
    assert_eq!(ix.param("old::a::h"), "parking_lot::RwLock<u8>");
    assert_eq!(ix.param("old::a::i"), "std::boxed::Box<dyn old::a::Tr>");
}

#[test]
fn unknown_first_name_of_a_use_is_a_crate() {
    let ix = one("
        use parking_lot::*;
        use lazy_static::lazy_static;
        use lazy_static::Other;
        use dashmap::{self, DashMap as Map};
        fn a(x: Mutex<u8>) {}
        fn b(x: Map<u8, u8>) {}
        fn c(x: dashmap::Ref) {}
        fn d(x: Other) {}
    ");
    assert_eq!(ix.param("main::a"), "parking_lot::Mutex<u8>");
    assert_eq!(ix.param("main::b"), "dashmap::DashMap<u8, u8>");
    assert_eq!(ix.param("main::c"), "dashmap::Ref");
    assert_eq!(ix.param("main::d"), "lazy_static::Other");
}

#[test]
fn items_of_bodies_have_their_own_names() {
    let ix = one("
        struct Item;
        fn outer(a: Item) {
            struct Item { m: u8 }
            use std::sync::Mutex as M;
            fn inner(x: Item) { fn deep(x: M<Item>) {} }
            impl Item { fn act(&self) {} }
            if true { static S: M<u8> = M::new(0); enum Late { A } }
        }
        fn outer2() { fn inner() {} }
        fn outer3(x: Item) {}
        #[test] fn tested() { fn helper() {} }
    ");
    assert_eq!(ix.field_of("main::outer::inner", "m"), "u8");
    assert_eq!(
        ix.param("main::outer::inner::deep"),
        "std::sync::Mutex<main::outer::Item>"
    );
    assert_eq!(
        ix.value("main::outer", "inner"),
        "Exact main::outer::inner on ?"
    );
    assert_eq!(ix.value("main::outer", "S"), "static main::S");
    assert_eq!(
        ix.value("main::outer", "Late::A"),
        "ctor main::outer::Late Some(0)"
    );
    assert_eq!(
        ix.value("main::outer2", "inner"),
        "Exact main::outer2::inner on ?"
    );
    assert_eq!(ix.value("main::outer3", "inner"), "?");
    assert_eq!(ix.param("main::outer3"), "main::Item");
    assert!(ix.fns[ix.the_fn("main::tested::helper").index()].is_test);
    let order: Vec<_> = ix
        .functions()
        .iter()
        .map(|f| (f.file, f.def.span.line))
        .collect();
    assert!(order.is_sorted(), "{order:?}");
}

#[test]
fn cfg_twins_both_resolve() {
    let ix = one("
        #[cfg(unix)] fn go() {}
        #[cfg(not(unix))] fn go() {}
        #[cfg(loom)] use loom::sync::Mutex;
        #[cfg(not(loom))] use std::sync::Mutex;
        #[cfg(unix)] mod sys { pub fn run() {} }
        #[cfg(windows)] mod sys { pub fn run() {} }
        #[cfg(test)] mod tests { use super::*; fn t() { go() } }
        fn a(x: Mutex<u8>) {}
        struct T; impl T { #[cfg(unix)] fn m(&self) {} #[cfg(windows)] fn m(&self) {} }
        fn b(x: T) {}
        #[cfg(unix)] struct Two { a: u8 }
        #[cfg(windows)] struct Two { b: u16 }
        fn c(x: Two) {}
    ");
    assert_eq!(ix.value("main::a", "go"), "Exact main::go, main::go on ?");
    assert_eq!(
        ix.value("main::tests::t", "go"),
        "Exact main::go, main::go on ?"
    );
    assert_eq!(
        ix.value("main::a", "sys::run"),
        "Exact main::sys::run, main::sys::run on ?"
    );
    assert_eq!(ix.param("main::a"), "std::sync::Mutex<u8>");
    assert_eq!(
        ix.method_on("main::b", "m"),
        "Exact main::T::m, main::T::m on main::T"
    );
    assert_eq!(ix.field_of("main::c", "a"), "u8");
    assert_eq!(ix.field_of("main::c", "b"), "u16");
    let t = &ix.fns[ix.the_fn("main::tests::t").index()];
    assert!(t.is_test && t.cfgs == ["test"]);
    assert_eq!(ix.fns[ix.the_fn("main::sys::run").index()].cfgs, ["unix"]);
}

#[test]
fn included_files_belong_to_the_module_around() {
    let ix = index(
        &[
            (
                "lib.rs",
                "mod m { include!(\"part.rs\"); fn f(x: Part) {} } mod n { use super::m::Dep; fn g(x: Dep) {} }",
            ),
            (
                "part.rs",
                "pub struct Part; use std::sync::Condvar; pub(crate) use std::sync::Barrier as Dep;
                fn p(x: Condvar) {} fn q() { f() }",
            ),
        ],
        &[],
    );
    assert_eq!(ix.param("lib::m::f"), "lib::m::Part");
    assert_eq!(ix.param("lib::m::p"), "std::sync::Condvar");
    assert_eq!(ix.value("lib::m::q", "f"), "Exact lib::m::f on ?");
    assert_eq!(ix.value("lib::m::q", "self::f"), "Exact lib::m::f on ?");
    assert_eq!(ix.param("lib::n::g"), "std::sync::Barrier");
}

#[test]
fn what_only_tests_are_built_with_is_test_code() {
    let is_test = |cfg: &str| {
        let ix = index(&[("lib.rs", &format!("#[cfg({cfg})] fn f() {{}}"))], &[]);
        ix.fns[ix.the_fn("lib::f").index()].is_test
    };
    for cfg in [
        "test",
        "loom",
        "all(test, unix)",
        "feature = \"test-utils\"",
        "feature = \"concurrent_testpoints\"",
        "feature = \"mock\"",
    ] {
        assert!(is_test(cfg), "{cfg}");
    }
    for cfg in [
        "unix",
        "not(test)",
        "any(test, feature = \"fast\")",
        "feature = \"testnet\"",
        "feature = \"latest\"",
    ] {
        assert!(!is_test(cfg), "{cfg}");
    }
}

#[test]
fn statics_of_macros() {
    let ix = one("
        use std::sync::Mutex;
        lazy_static! { static ref TABLE: Mutex<Vec<u8>> = Mutex::new(vec![]); }
        thread_local! { static OWN: u8 = 0; }
        static PLAIN: Mutex<u8> = Mutex::new(0);
        fn f() {}
    ");
    assert_eq!(ix.value("main::f", "TABLE"), "static main::TABLE");
    assert_eq!(
        ix.show(&ix.statics[0].ty),
        "std::sync::LazyLock<std::sync::Mutex<std::vec::Vec<u8>>>"
    );
    assert_eq!(ix.value("main::f", "PLAIN"), "static main::PLAIN");
    let own = ix
        .statics
        .iter()
        .find(|s| s.name == "OWN")
        .expect("a static");
    assert!(own.is_thread_local);
    assert!(!ix.statics[0].is_thread_local);
}

#[test]
fn behind_a_subtrait_stands_only_who_implements_it() {
    let ix = one("
        trait Service { fn stop(&self); }
        trait Managed: Service {}
        struct Admin; impl Service for Admin { fn stop(&self) {} }
        struct Chat; impl Service for Chat { fn stop(&self) {} } impl Managed for Chat {}
        fn a(x: &dyn Managed) {} fn b(x: &dyn Service) {} fn d<T: Managed>(x: T) {}
        trait Any: Service {} impl<T: Service> Any for T {} fn c(x: &dyn Any) {}
    ");
    let stop = |function: &str| {
        let found = ix.method_on(function, "stop");
        let (fns, _) = found.split_once(" on ").expect("two parts");
        fns.to_owned()
    };
    let chat = "Trait main::<Chat as Service>::stop";
    let all = "Trait main::<Admin as Service>::stop, main::<Chat as Service>::stop";
    assert_eq!(stop("main::a"), chat);
    assert_eq!(stop("main::b"), all);
    assert_eq!(stop("main::c"), all);
    assert_eq!(stop("main::d"), chat);
}

#[test]
fn hostile_input_ends() {
    // Cyclic aliases, imports, supertraits, bounds, associated types.
    let ix = one("
        type A = (B, B); type B = (A, A); type C<T> = Vec<C<T>>;
        use self::x::Y as Z; mod x { pub use super::Z as Y; pub use super::*; } use x::*;
        trait P: Q {} trait Q: P {} fn a<T: P>(x: T) {}
        trait R<T> { type O; } fn b<T: R<T::O>>(x: T::O) {}
        struct S; impl R<u8> for S { type O = (<S as R<u8>>::O, Self::O); }
        fn c(x: A) {} fn d(x: C<u8>) {} fn e(x: <S as R<u8>>::O) {} fn f(x: Z) {}
        impl<T: M1> M2 for T { } trait M1 { fn m1(&self) {} } trait M2 { fn m2(&self) {} } impl<T: M2> M1 for T { }
        fn g(x: S) {}
    ");
    assert_eq!(ix.method_on("main::a", "none"), "none");
    ix.param("main::b");
    ix.param("main::c");
    ix.param("main::d");
    ix.param("main::e");
    assert_eq!(ix.param("main::f"), "?");
    assert_eq!(ix.method_on("main::g", "m2"), "none");
}

#[test]
fn types_that_grow_without_end_are_cut() {
    let mut text = String::from("type A0<T> = (T, T);\n");
    for i in 1..40 {
        text += &format!("type A{i}<T> = A{}<A{}<T>>;\n", i - 1, i - 1);
    }
    text += "fn f(x: A39<u8>) {}";
    // Without parameters, used after and before their declaration.
    text += "type B0 = (u8, u8); type C0 = (C1, C1); struct W<T>(T, B60, C0);";
    for i in 1..=60 {
        text += &format!(
            "type B{i} = (B{}, B{});\ntype C{i} = (C{}, C{});\n",
            i - 1,
            i - 1,
            i + 1,
            i + 1
        );
    }
    text += "fn g(x: W<u8>, y: C1) {} fn h(x: B60) {}";
    let ix = one(&text);
    ix.param("main::f");
    assert_eq!(ix.field_of("main::g", "0"), "u8");
    for cut in [
        ix.field_of("main::g", "1"),
        ix.field_of("main::g", "2"),
        ix.param("main::h"),
    ] {
        assert!(
            cut.contains('?') && cut.len() < 50_000,
            "{} characters",
            cut.len()
        );
    }
}
