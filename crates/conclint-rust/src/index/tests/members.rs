//! Fields, methods and what functions return.

use std::sync::Arc;

use super::super::*;
use super::one;

#[test]
fn fields_with_type_arguments() {
    let ix = one("
        use std::sync::Mutex;
        struct W<T, U = u8> { m: Mutex<T>, v: Vec<U> }
        struct P(Mutex<u8>, String);
        enum E { A { x: Mutex<i8> }, B(P) }
        fn f(x: &W<String>) {}
        fn g(x: W<i64, P>) {}
        fn h(x: P) {}
        fn i(x: E) {}
    ");
    assert_eq!(
        ix.field_of("main::f", "m"),
        "std::sync::Mutex<std::string::String>"
    );
    assert_eq!(ix.field_of("main::f", "v"), "std::vec::Vec<u8>");
    assert_eq!(ix.field_of("main::g", "v"), "std::vec::Vec<main::P>");
    assert_eq!(ix.field_of("main::h", "0"), "std::sync::Mutex<u8>");
    assert_eq!(ix.field_of("main::h", "2"), "none");
    assert_eq!(ix.field_of("main::i", "x"), "none");
    let Ty::Adt(e, _) = ix.fn_param_ty(ix.the_fn("main::i"), 0) else {
        panic!()
    };
    assert_eq!(
        ix.variant_field(e, 0, "x").map(|t| ix.show(&t)).as_deref(),
        Some("std::sync::Mutex<i8>")
    );
    assert_eq!(
        ix.variant_field(e, 1, "0").map(|t| ix.show(&t)).as_deref(),
        Some("main::P")
    );
    assert_eq!(ix.variant_field(e, 9, "0"), None);
}

#[test]
fn methods_of_impls_traits_and_bounds() {
    let ix = one("
        trait Store { fn get(&self); fn twice(&self) { self.get() } }
        trait Sub: Store { fn sub(&self); }
        struct A; struct B;
        impl Store for A { fn get(&self) {} }
        impl Store for B { fn get(&self) {} fn twice(&self) {} }
        impl A { fn get(&self) {} }
        trait Ext { fn ext(&self) {} }
        impl<T: Store> Ext for T {}
        trait Never { fn never(&self); }
        impl<T: Sub> Never for T { fn never(&self) {} }
        fn a(x: &A) {}
        fn b(x: B) {}
        fn c<T: Sub>(x: &T) {}
        fn d(x: &dyn Store) {}
        fn e<T>(x: &T) where T: Store + Send {}
        fn f(x: impl Store) {}
        impl dyn Store { fn own(&self) {} }
    ");
    assert_eq!(
        ix.method_on("main::a", "get"),
        "Exact main::A::get on main::A"
    );
    assert_eq!(
        ix.method_on("main::a", "twice"),
        "Exact main::Store::twice on main::A"
    );
    assert_eq!(
        ix.method_on("main::b", "twice"),
        "Exact main::<B as Store>::twice on main::B"
    );
    let all = "Trait main::<A as Store>::get, main::<B as Store>::get on ";
    assert_eq!(ix.method_on("main::c", "get"), format!("{all}'T"));
    assert_eq!(ix.method_on("main::c", "sub"), "Trait main::Sub::sub on 'T");
    assert_eq!(
        ix.method_on("main::d", "get"),
        format!("{all}dyn main::Store")
    );
    assert_eq!(
        ix.method_on("main::d", "own"),
        "Exact main::dyn Store::own on dyn main::Store"
    );
    assert_eq!(
        ix.method_on("main::e", "twice"),
        "Trait main::Store::twice, main::<B as Store>::twice on 'T"
    );
    assert_eq!(
        ix.method_on("main::f", "get"),
        format!("{all}impl main::Store")
    );
    assert_eq!(
        ix.method_on("main::a", "ext"),
        "Exact main::Ext::ext on main::A"
    );
    assert_eq!(ix.method_on("main::a", "never"), "none");
    assert_eq!(
        ix.method_on("main::Store::twice", "get"),
        format!("{all}'Self")
    );
    assert_eq!(ix.value("main::a", "Store::get"), format!("{all}?"));
    assert_eq!(
        ix.value("main::a", "<A as Store>::get"),
        "Exact main::<A as Store>::get on main::A"
    );
    assert_eq!(
        ix.value("main::a", "<A as Store>::twice"),
        "Exact main::Store::twice on main::A"
    );
    assert_eq!(ix.value("main::c", "T::get"), format!("{all}'T"));
    assert_eq!(ix.value("main::a", "Self::get"), "?");
    assert_eq!(
        ix.value("main::A::get", "Self::get"),
        "Exact main::A::get on main::A"
    );
    assert_eq!(ix.methods_named("get").len(), 4);
    let own = ix.the_fn("main::<A as Store>::get");
    assert_eq!(
        ix.fns[own.index()].trait_path.as_deref(),
        Some("main::Store")
    );
    assert_eq!(ix.fns[own.index()].qualified, "A::get");
}

#[test]
fn deref_drop_and_implements() {
    let ix = one("
        use std::ops::Deref;
        struct In { n: u8 }
        impl In { fn work(&self) {} }
        struct Out(In);
        impl Deref for Out { type Target = In; fn deref(&self) -> &In { &self.0 } }
        impl Drop for Out { fn drop(&mut self) {} }
        struct Wrap<T>(T);
        impl<T> Deref for Wrap<T> { type Target = T; fn deref(&self) -> &T { &self.0 } }
        struct Loop;
        impl Deref for Loop { type Target = Loop; fn deref(&self) -> &Loop { self } }
        fn a(x: &Out) {} fn b(x: Wrap<Out>) {} fn c(x: Loop) {}
        impl Out { fn drop(&self, x: u8) {} }
    ");
    assert_eq!(
        ix.method_on("main::a", "work"),
        "Exact main::In::work on main::In"
    );
    assert_eq!(
        ix.method_on("main::b", "work"),
        "Exact main::In::work on main::In"
    );
    assert_eq!(ix.method_on("main::c", "work"), "none");
    let ty = ix.fn_param_ty(ix.the_fn("main::b"), 0);
    assert_eq!(
        ix.deref_target(&ty).map(|t| ix.show(&t)).as_deref(),
        Some("main::Out")
    );
    let Ty::Adt(out, _) = ix.deref_target(&ty).expect("a target") else {
        panic!()
    };
    assert_eq!(
        ix.drop_fn(out),
        Some(ix.the_fn("main::<Out as Drop>::drop"))
    );
    assert!(ix.implements(&Ty::Adt(out, Tys::default()), "Drop"));
    assert!(!ix.implements(&ty, "Drop"));
}

#[test]
fn associated_types_and_constants() {
    let ix = one("
        trait Raw { type Guard; const INIT: u8; fn make(&self) -> Self::Guard; }
        struct A; struct B;
        impl Raw for A { type Guard = String; const INIT: u8 = 1; fn make(&self) -> Self::Guard { loop {} } }
        impl Raw for B { type Guard = Vec<Self>; const INIT: u8 = 1; fn make(&self) -> Self::Guard { loop {} } }
        type G = <B as Raw>::Guard;
        fn a(x: <A as Raw>::Guard) {}
        fn b(x: G) {}
        fn c<T: Raw<Guard = u64>>(x: T::Guard) {}
        fn d<T: Raw>(x: T::Guard) {}
        fn e<I>(x: I) where I: Iterator<Item = A> {}
    ");
    assert_eq!(ix.param("main::a"), "std::string::String");
    assert_eq!(ix.param("main::b"), "std::vec::Vec<main::B>");
    assert_eq!(ix.param("main::c"), "u64");
    assert_eq!(ix.param("main::d"), "?");
    assert_eq!(ix.value("main::a", "A::INIT"), "const u8");
    let ret = |key: &str| ix.show(&ix.fn_ret(ix.the_fn(key), None, &[]));
    assert_eq!(ret("main::<A as Raw>::make"), "std::string::String");
    assert_eq!(ret("main::<B as Raw>::make"), "std::vec::Vec<main::B>");
    let b = ix.bounds(&ix.scope_of("main::e"), "I");
    assert_eq!(b[0].trait_, TraitRef::Ext("std::iter::Iterator".into()));
    assert_eq!(ix.show(&b[0].assoc[0].1), "main::A");
}

#[test]
fn what_a_type_of_std_has_of_its_own_comes_before_traits() {
    let ix = one("
        use std::sync::Arc;
        trait Make { fn new() -> Self; fn fresh() -> Self; }
        impl Make for Arc<u8> { fn new() -> Self { loop {} } fn fresh() -> Self { loop {} } }
        fn f() {}
    ");
    assert_eq!(ix.value("main::f", "Arc::new"), "ext std::sync::Arc::new");
    assert!(!ix.value("main::f", "Arc::fresh").starts_with("ext"));
}

#[test]
fn return_types_for_a_caller() {
    let ix = one("
        use std::sync::{Mutex, MutexGuard};
        struct W<T> { m: Mutex<T> }
        impl<T> W<T> {
            fn new(t: T) -> Self { loop {} }
            fn lock(&self) -> MutexGuard<'_, T> { loop {} }
            fn map<U: Clone>(self) -> W<U> { loop {} }
            async fn wait(&self) -> Option<T> { loop {} }
        }
        fn free<T>(m: &Mutex<T>) -> MutexGuard<T> { loop {} }
        fn some() -> impl Iterator<Item = u8> { 0..1 }
        fn nothing() {}
    ");
    let Ty::Adt(w, _) = ix.fn_ret(ix.the_fn("main::W<T>::new"), None, &[]) else {
        panic!()
    };
    let of_string = Ty::Adt(
        w,
        Tys::from([Ty::Ext("std::string::String".into(), Tys::default())]),
    );
    let u8_ = Ty::Ext("u8".into(), Tys::default());
    let ret = |key: &str, turbofish: &[Ty]| {
        ix.show(&ix.fn_ret(ix.the_fn(key), Some(&of_string), turbofish))
    };
    assert_eq!(ret("main::W<T>::new", &[]), "main::W<std::string::String>");
    assert_eq!(
        ret("main::W<T>::lock", &[]),
        "std::sync::MutexGuard<std::string::String>"
    );
    assert_eq!(
        ret("main::W<T>::wait", &[]),
        "std::option::Option<std::string::String>"
    );
    assert_eq!(
        ret("main::W<T>::map", std::slice::from_ref(&u8_)),
        "main::W<u8>"
    );
    assert_eq!(
        ret("main::W<T>::map", &[]),
        "main::W<impl std::clone::Clone>"
    );
    assert_eq!(ret("main::some", &[]), "impl std::iter::Iterator");
    assert_eq!(ret("main::nothing", &[]), "()");
    assert_eq!(ret("main::free", &[]), "std::sync::MutexGuard<?>");
    let arg = Ty::Ref(
        false,
        Arc::new(Ty::Ext("std::sync::Mutex".into(), Tys::from([u8_]))),
    );
    assert_eq!(
        ix.show(&ix.fn_ret_of_args(ix.the_fn("main::free"), None, &[], &[&arg])),
        "std::sync::MutexGuard<u8>"
    );
}

#[test]
fn impls_are_told_apart_by_type_arguments() {
    let ix = one("
        struct W<T>(T);
        impl W<u8> { fn a(&self) -> u8 { 0 } }
        impl W<String> { fn a(&self) -> String { loop {} } }
        fn f(x: W<String>) {}
        fn g<T>(x: W<T>) {}
    ");
    assert_eq!(
        ix.method_on("main::f", "a"),
        "Exact main::W<String>::a on main::W<std::string::String>"
    );
    assert!(
        ix.method_on("main::g", "a")
            .starts_with("Trait main::W<u8>::a, main::W<String>::a")
    );
}
