//! Nestings within one function: instances and identity.

use super::build::*;
use crate::analysis::*;

/// `same` of the one nesting of `second` under `first` in one function.
fn same(p: Build, first: ObjectRef, second: ObjectRef) -> SameInstance {
    let mut p = p;
    let f = p.public("f");
    p.body(f, |b| {
        let g = b.lock(first);
        b.touch(second);
        b.release(g);
    });
    let analysis = p.analyse();
    let [nesting] = analysis.nestings() else {
        panic!("{:?}", pairs(&analysis))
    };
    assert_eq!(nesting.confidence, Certainty::High);
    nesting.same
}

fn with_mutex() -> (Build, ClassId) {
    let mut p = Build::new();
    let m = p.mutex("Node.m");
    (p, m)
}

#[test]
fn equal_paths_are_one_object() {
    let (p, m) = with_mutex();
    assert_eq!(
        same(p, own(m, &["m"]), own(m, &["m"])),
        SameInstance::Certain
    );
    let (p, m) = with_mutex();
    let local = at(m, Root::Local(LocalId(3)), &["m"]);
    assert_eq!(same(p, local.clone(), local), SameInstance::Certain);
}

#[test]
fn a_static_is_one_object_however_it_is_reached() {
    let mut p = Build::new();
    let s = p.class("S", std_lock(LockShape::Mutex), ClassScope::Static);
    let opaque = at(s, Root::Opaque(1), &[]);
    assert_eq!(
        same(p, at(s, Root::Static("k::S".into()), &[]), opaque),
        SameInstance::Certain
    );
}

#[test]
fn two_parameters_may_be_one_object() {
    let (p, m) = with_mutex();
    assert_eq!(
        same(p, own(m, &["m"]), at(m, Root::Param(1), &["m"])),
        SameInstance::Maybe
    );
}

#[test]
fn a_parent_and_its_child_are_two_objects() {
    let (p, m) = with_mutex();
    assert_eq!(
        same(p, own(m, &["m"]), own(m, &["parent", "m"])),
        SameInstance::Unlikely
    );
}

#[test]
fn what_is_not_looked_into_is_another_object() {
    let (p, m) = with_mutex();
    let opaque = at(m, Root::Opaque(7), &["m"]);
    assert_eq!(same(p, opaque.clone(), opaque), SameInstance::Unlikely);
}

#[test]
fn two_elements_may_be_one_object() {
    let (p, m) = with_mutex();
    let element = own(m, &["shards", "[]"]);
    assert_eq!(same(p, element.clone(), element), SameInstance::Maybe);
    let (p, m) = with_mutex();
    let element = own(m, &["shards", "[]"]);
    assert_eq!(same(p, element, own(m, &["m"])), SameInstance::Unlikely);
}

#[test]
fn different_classes_are_different_objects_at_one_path() {
    // Locks of two enum variants with one field name.
    let mut p = Build::new();
    let (a, b) = (p.mutex("E::A.m"), p.mutex("E::B.m"));
    assert_eq!(
        same(p, own(a, &["m"]), own(b, &["m"])),
        SameInstance::Unlikely
    );
}

#[test]
fn an_unknown_class_at_the_same_place_is_one_object() {
    let p = Build::new();
    let lock = ObjectRef {
        class: None,
        place: place(Root::Param(0), &["m"]),
        exclusive: false,
        field: None,
    };
    assert_eq!(same(p, lock.clone(), lock), SameInstance::Certain);
}

#[test]
fn lock_coupling_through_a_rebound_variable_is_no_double_lock() {
    let (mut p, m) = with_mutex();
    let cursor = at(m, Root::Local(LocalId(0)), &["m"]);
    let f = p.public("f");
    p.body(f, |b| {
        b.define(LocalId(0));
        let g = b.lock(cursor.clone());
        b.define(LocalId(0));
        let h = b.lock(cursor);
        b.release(g);
        b.release(h);
    });
    let analysis = p.analyse();
    assert_eq!(analysis.nestings()[0].same, SameInstance::Unlikely);
}

#[test]
fn read_under_read_is_recorded_with_its_modes() {
    let mut p = Build::new();
    let r = p.rwlock("S.r");
    let f = p.public("f");
    p.body(f, |b| {
        let g = b.read(own(r, &["r"]));
        let h = b.read(own(r, &["r"]));
        b.release(h);
        b.release(g);
    });
    let writer = p.public("writer");
    p.body(writer, |b| b.touch(own(r, &["r"])));
    let tests_writer = p.public("tests_writer");
    p.f(tests_writer).is_test = true;
    let analysis = p.analyse();
    let nesting = &analysis.nestings()[0];
    assert_eq!(
        (nesting.held.mode, nesting.taken_mode, nesting.same),
        (Mode::Read, Mode::Read, SameInstance::Certain)
    );
    assert_eq!(analysis.has_writer(r).map(|at| at.function), Some(writer));
}

#[test]
fn a_writer_in_test_code_or_behind_a_mutable_borrow_is_none() {
    let mut p = Build::new();
    let r = p.rwlock("S.r");
    let f = p.public("f");
    p.f(f).is_test = true;
    p.body(f, |b| b.touch(own(r, &["r"])));
    let g = p.public("g");
    p.body(g, |b| {
        b.touch(ObjectRef {
            exclusive: true,
            ..own(r, &["r"])
        })
    });
    assert_eq!(p.analyse().has_writer(r), None);
}

#[test]
fn a_writer_through_a_parameter_counts() {
    let mut p = Build::new();
    let r = p.rwlock("S.r");
    let param = p.class("lock", std_lock(LockShape::RwLock), ClassScope::Param);
    let helper = p.function("helper");
    p.body(helper, |b| b.touch(own(param, &[])));
    let f = p.public("f");
    p.body(f, |b| {
        b.call_with(helper, &[lock_arg(r, Root::Param(0), &["r"])]);
    });
    // Shown where the lock has its name.
    assert_eq!(p.analyse().has_writer(r).map(|at| at.function), Some(f));
}
