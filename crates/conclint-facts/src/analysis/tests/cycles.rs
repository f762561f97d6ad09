//! Cycles of the lock-order graph, and what keeps one from being reported.

use super::build::*;
use crate::analysis::*;

/// How a function takes two locks.
#[derive(Clone, Copy)]
enum Take {
    Write,
    Read,
    Recursive,
    Timed,
}

fn take(b: &mut Body<'_>, lock: ObjectRef, how: Take) -> GuardId {
    let source = LockSource::Direct(lock);
    match how {
        Write => b.acquire(source, Mode::Exclusive, Blocking::Waits),
        Read => b.acquire(source, Mode::Read, Blocking::Waits),
        Recursive => b.acquire(source, Mode::ReadRecursive, Blocking::Waits),
        Timed => b.acquire(source, Mode::Exclusive, Blocking::Timed),
    }
}

/// A public function that takes `first`, then `second`.
fn order(p: &mut Build, first: (ClassId, Take), second: (ClassId, Take)) -> FnId {
    let id = p.public("order");
    fill(p, id, first, second);
    id
}

fn fill(p: &mut Build, id: FnId, first: (ClassId, Take), second: (ClassId, Take)) {
    let lock = |p: &Build, class: ClassId| {
        let class_of = &p.program.classes[class.index()];
        match class_of.scope {
            ClassScope::Static => at(class, Root::Static(class_of.key.as_str().into()), &[]),
            _ => own(class, &[class_of.name.as_str()]),
        }
    };
    let locks = (lock(p, first.0), lock(p, second.0));
    p.body(id, |b| {
        let g = take(b, locks.0, first.1);
        let h = take(b, locks.1, second.1);
        b.release(h);
        b.release(g);
    });
}

use Take::{Read, Recursive, Timed, Write};

/// Two locks taken in both orders in two functions.
fn both_orders(take: [Take; 4], writer: bool) -> Analysis {
    let mut p = Build::new();
    let (a, b) = (p.rwlock("a"), p.rwlock("b"));
    order(&mut p, (a, take[0]), (b, take[1]));
    order(&mut p, (b, take[2]), (a, take[3]));
    if writer {
        let f = p.public("writer");
        p.body(f, |body| {
            body.touch(own(a, &["a"]));
            body.touch(own(b, &["b"]));
        });
    }
    p.analyse()
}

#[test]
fn two_orders_are_a_cycle() {
    let analysis = both_orders([Write; 4], false);
    let [cycle] = analysis.cycles() else {
        panic!("{:?}", cycles(&analysis))
    };
    assert_eq!(cycle.confidence, Certainty::High);
    let sites: Vec<_> = cycle
        .edges
        .iter()
        .map(|n| (n.held.site.line, n.site.line))
        .collect();
    assert_eq!(sites, [(2, 3), (102, 103)]);
    assert_eq!(cycle.edges[0].taken.class, cycle.edges[1].held.lock.class);
    assert!(cycle.alternatives.iter().all(Vec::is_empty) && cycle.writers.is_empty());
}

#[test]
fn one_order_is_none() {
    let mut p = Build::new();
    let (a, b) = (p.mutex("a"), p.mutex("b"));
    order(&mut p, (a, Write), (b, Write));
    order(&mut p, (a, Write), (b, Write));
    assert!(p.analyse().cycles().is_empty());
}

#[test]
fn readers_wait_behind_a_writer_only() {
    assert!(both_orders([Read; 4], false).cycles().is_empty());
    let analysis = both_orders([Read; 4], true);
    let [cycle] = analysis.cycles() else {
        panic!("{:?}", cycles(&analysis))
    };
    assert_eq!(
        (cycle.confidence, cycle.writers.len()),
        (Certainty::Medium, 2)
    );
    // Read held, written by the other: no third thread needed.
    let analysis = both_orders([Read, Write, Read, Write], false);
    assert_eq!(analysis.cycles()[0].confidence, Certainty::High);
    // `b` is read by both, and nobody writes it.
    assert!(
        both_orders([Write, Read, Read, Write], false)
            .cycles()
            .is_empty()
    );
}

#[test]
fn recursive_reads_and_timed_locks_do_not_wait() {
    assert!(
        both_orders([Read, Recursive, Read, Recursive], true)
            .cycles()
            .is_empty()
    );
    assert!(
        both_orders([Write, Timed, Write, Write], true)
            .cycles()
            .is_empty()
    );
}

#[test]
fn readers_of_a_lock_with_reentrant_reads_never_wait() {
    let mut p = Build::new();
    let spin = LockTraits {
        family: "spin".into(),
        type_name: "RwLock".into(),
        shape: LockShape::RwLock,
        reentrant: false,
        read_reentrant: true,
        is_async: false,
        self_locking: false,
    };
    let (a, b) = (
        p.rwlock("a"),
        p.class("b", ObjectKind::Lock(spin), ClassScope::Field),
    );
    order(&mut p, (a, Write), (b, Read));
    order(&mut p, (b, Read), (a, Write));
    order(&mut p, (b, Write), (b, Write));
    assert!(p.analyse().cycles().is_empty());
}

#[test]
fn three_orders_are_a_cycle_of_three() {
    let mut p = Build::new();
    let ids: Vec<ClassId> = ["a", "b", "c"].iter().map(|name| p.mutex(name)).collect();
    order(&mut p, (ids[2], Write), (ids[0], Write));
    order(&mut p, (ids[0], Write), (ids[1], Write));
    order(&mut p, (ids[1], Write), (ids[2], Write));
    let analysis = p.analyse();
    assert_eq!(cycles(&analysis), [["a", "b", "c"]]);
    let edges = &analysis.cycles()[0].edges;
    for (edge, next) in edges.iter().zip(edges.iter().cycle().skip(1)) {
        assert_eq!(edge.taken.class, next.held.lock.class);
    }
}

#[test]
fn the_smallest_cycle_stands_for_the_larger_ones() {
    let mut p = Build::new();
    let ids: Vec<ClassId> = ["a", "b", "c"].iter().map(|name| p.mutex(name)).collect();
    for first in &ids {
        for second in ids.iter().filter(|second| *second != first) {
            order(&mut p, (*first, Write), (*second, Write));
        }
    }
    assert_eq!(cycles(&p.analyse()), [["a", "b"], ["a", "c"], ["b", "c"]]);
}

#[test]
fn a_longer_cycle_around_a_smaller_one_waits_its_turn() {
    let mut p = Build::new();
    let ids: Vec<ClassId> = ["a", "b", "c"].iter().map(|name| p.mutex(name)).collect();
    for (first, second) in [(0, 1), (1, 0), (1, 2), (2, 0)] {
        order(&mut p, (ids[first], Write), (ids[second], Write));
    }
    assert_eq!(cycles(&p.analyse()), [["a", "b"]]);
}

#[test]
fn the_best_nesting_is_shown_and_the_others_are_named() {
    let mut p = Build::new();
    let (a, b) = (p.mutex("a"), p.mutex("b"));
    let in_test = order(&mut p, (a, Write), (b, Write));
    p.f(in_test).is_test = true;
    let last = p.function("last");
    p.body(last, |body| body.touch(own(b, &["b"])));
    let long = p.public("long");
    p.body(long, |body| {
        let g = body.lock(own(a, &["a"]));
        body.call(last);
        body.release(g);
    });
    let short = order(&mut p, (a, Write), (b, Write));
    let back = order(&mut p, (b, Write), (a, Write));
    let analysis = p.analyse();
    let [cycle] = analysis.cycles() else {
        panic!("{:?}", cycles(&analysis))
    };
    assert_eq!(
        cycle.edges.iter().map(|n| n.function).collect::<Vec<_>>(),
        [short, back]
    );
    let others: Vec<Vec<FnId>> = cycle
        .alternatives
        .iter()
        .map(|list| list.iter().map(|n| n.function).collect())
        .collect();
    assert_eq!(others, [vec![long], vec![]]);
}

#[test]
fn a_common_gate_keeps_both_apart() {
    let gated = |how: [Take; 2]| {
        let mut p = Build::new();
        let (a, b, gate) = (p.mutex("a"), p.mutex("b"), p.rwlock("gate"));
        for (how, first, second) in [(how[0], a, b), (how[1], b, a)] {
            let inner = p.function("inner");
            fill(&mut p, inner, (first, Write), (second, Write));
            let f = p.public("f");
            p.body(f, |body| {
                let g = take(body, own(gate, &["gate"]), how);
                body.call(inner);
                body.release(g);
            });
        }
        // Orders with the gate itself have no counterpart.
        p.analyse().cycles().len()
    };
    assert_eq!(gated([Write, Write]), 0);
    assert_eq!(gated([Write, Read]), 0);
    assert_eq!(
        gated([Read, Read]),
        1,
        "two readers of the gate do not keep each other out"
    );
}

#[test]
fn one_thread_alone_has_no_cycle() {
    let mut p = Build::new();
    let (a, b) = (p.mutex("a"), p.mutex("b"));
    let f = order(&mut p, (a, Write), (b, Write));
    let g = order(&mut p, (b, Write), (a, Write));
    let main = p.function("main");
    p.f(main).kind = FnKind::Main;
    for id in [f, g, main] {
        p.f(id).in_library = false;
    }
    let single = p.program.clone();
    p.body(main, |body| {
        body.call(f);
        body.call(g);
    });
    assert!(p.analyse().cycles().is_empty());

    let with_thread = |first: bool| {
        let mut p = Build {
            program: single.clone(),
        };
        let thread = p.nested(main, FnKind::SpawnBody);
        p.f(thread).in_library = false;
        p.body(thread, |body| {
            body.call(f);
        });
        p.body(main, |body| {
            if first {
                body.event(spawn(Some(thread), false));
            }
            body.call(f);
            body.call(g);
            if !first {
                body.event(spawn(Some(thread), false));
            }
        });
        p.analyse().cycles().len()
    };
    assert_eq!(with_thread(true), 1);
    assert_eq!(with_thread(false), 0, "it starts when all is done");
}

#[test]
fn exclusive_objects_never_wait() {
    let mut p = Build::new();
    let (a, b) = (p.mutex("a"), p.mutex("b"));
    order(&mut p, (a, Write), (b, Write));
    let f = p.public("new");
    p.body(f, |body| {
        let g = body.lock(ObjectRef {
            exclusive: true,
            ..own(b, &["b"])
        });
        body.touch(own(a, &["a"]));
        body.release(g);
    });
    assert!(p.analyse().cycles().is_empty());
}

#[test]
fn code_of_two_cfgs_never_meets() {
    for (one, other, expected) in [
        ("unix", "windows", 0),
        ("feature = \"x\"", "not(feature = \"x\")", 0),
        ("unix", "feature = \"x\"", 1),
    ] {
        let mut p = Build::new();
        let (a, b) = (p.mutex("a"), p.mutex("b"));
        let f = order(&mut p, (a, Write), (b, Write));
        let g = order(&mut p, (b, Write), (a, Write));
        p.f(f).cfgs = vec![one.into()];
        p.f(g).cfgs = vec![other.into()];
        assert_eq!(
            p.analyse().cycles().len(),
            expected,
            "{one} against {other}"
        );
    }
}

#[test]
fn test_code_meets_other_code_in_statics_only() {
    for (scope, expected) in [(ClassScope::Field, 0), (ClassScope::Static, 1)] {
        let mut p = Build::new();
        let a = p.class("a", std_lock(LockShape::Mutex), scope);
        let b = p.class("b", std_lock(LockShape::Mutex), scope);
        order(&mut p, (a, Write), (b, Write));
        let test = order(&mut p, (b, Write), (a, Write));
        p.f(test).is_test = true;
        p.f(test).is_test_root = true;
        assert_eq!(p.analyse().cycles().len(), expected, "{scope:?}");
    }
}

#[test]
fn local_locks_need_a_thread_that_shares_them() {
    let build = |inside: bool| {
        let mut p = Build::new();
        let a = p.class("a", std_lock(LockShape::Mutex), ClassScope::Local);
        let b = p.class("b", std_lock(LockShape::Mutex), ClassScope::Local);
        let locals = [
            at(a, Root::Local(LocalId(0)), &[]),
            at(b, Root::Local(LocalId(1)), &[]),
        ];
        let main = p.public("main");
        let thread = p.nested(
            main,
            if inside {
                FnKind::SpawnBody
            } else {
                FnKind::Fn
            },
        );
        p.body(main, |body| {
            body.define(LocalId(0));
            body.define(LocalId(1));
            if inside {
                body.event(spawn(Some(thread), false));
            }
        });
        for (id, [first, second]) in [
            (main, locals.clone()),
            (thread, [locals[1].clone(), locals[0].clone()]),
        ] {
            p.body(id, |body| {
                let g = body.lock(first);
                body.touch(second);
                body.release(g);
            });
        }
        p.analyse().cycles().len()
    };
    assert_eq!((build(true), build(false)), (1, 0));
}

#[test]
fn parameters_that_no_caller_names_make_no_order() {
    let mut p = Build::new();
    let a = p.class("a", std_lock(LockShape::Mutex), ClassScope::Param);
    let b = p.class("b", std_lock(LockShape::Mutex), ClassScope::Param);
    order(&mut p, (a, Write), (b, Write));
    order(&mut p, (b, Write), (a, Write));
    assert!(p.analyse().cycles().is_empty());
}

#[test]
fn an_order_through_a_closure_run_under_the_lock() {
    let mut p = Build::new();
    let (a, b) = (p.mutex("a"), p.mutex("b"));
    order(&mut p, (b, Write), (a, Write));
    let helper = p.function("helper");
    p.f(helper).params[1].callable = true;
    p.body(helper, |body| {
        body.event(EventKind::CallParam { param: 1 });
    });
    let f = p.public("f");
    let closure = p.nested(f, FnKind::Closure);
    p.body(closure, |body| body.touch(own(b, &["b"])));
    p.body(f, |body| {
        let g = body.lock(own(a, &["a"]));
        body.call_with(helper, &[this(), closure_arg(closure)]);
        body.release(g);
    });
    let analysis = p.analyse();
    let [cycle] = analysis.cycles() else {
        panic!("{:?}", cycles(&analysis))
    };
    assert!(cycle.edges.iter().any(|n| n.taken_in == closure));
}
