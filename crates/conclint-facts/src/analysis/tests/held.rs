//! Held sets, guard sources, condition variables.

use super::build::*;
use crate::analysis::*;

fn names(analysis: &Analysis, at: EventRef) -> Vec<(String, bool)> {
    analysis
        .held_before(at)
        .iter()
        .map(|h| (analysis.object_name(&h.lock, at.function), h.must))
        .collect()
}

#[test]
fn a_guard_lives_from_its_acquisition_to_its_release() {
    let mut p = Build::new();
    let a = p.mutex("S.a");
    let f = p.public("f");
    let mut points = Vec::new();
    p.body(f, |b| {
        points.push(b.event(EventKind::Await));
        let g = b.lock(own(a, &["a"]));
        points.push(b.event(EventKind::Await));
        b.release(g);
        points.push(b.event(EventKind::Await));
    });
    let analysis = p.analyse();
    let held: Vec<_> = points.iter().map(|at| names(&analysis, *at)).collect();
    assert_eq!(held, [vec![], vec![("S.a".to_owned(), true)], vec![]]);
}

#[test]
fn a_guard_dropped_on_one_arm_may_be_held_after_the_join() {
    let mut p = Build::new();
    let a = p.mutex("S.a");
    let f = p.public("f");
    let mut point = None;
    p.body(f, |b| {
        let g = b.lock(own(a, &["a"]));
        b.branch(|b| b.release(g), |_| ());
        point = Some(b.event(EventKind::Await));
        b.touch(own(a, &["a"]));
    });
    let analysis = p.analyse();
    assert_eq!(
        names(&analysis, point.unwrap()),
        [("S.a".to_owned(), false)]
    );
    let nesting = &analysis.nestings()[0];
    assert_eq!(
        (nesting.same, nesting.confidence),
        (SameInstance::Certain, Certainty::Medium)
    );
}

#[test]
fn a_guard_dropped_on_all_arms_is_free() {
    let mut p = Build::new();
    let a = p.mutex("S.a");
    let f = p.public("f");
    p.body(f, |b| {
        let g = b.lock(own(a, &["a"]));
        b.branch(|b| b.release(g), |b| b.release(g));
        b.touch(own(a, &["a"]));
    });
    assert!(p.analyse().nestings().is_empty());
}

#[test]
fn a_guard_that_ends_within_the_iteration_gives_nothing() {
    let mut p = Build::new();
    let a = p.mutex("S.a");
    let f = p.public("f");
    p.body(f, |b| b.repeat(LocalId(0), |b| b.touch(own(a, &["a"]))));
    assert!(p.analyse().nestings().is_empty());
}

#[test]
fn a_guard_that_lives_over_the_back_edge_nests_with_itself() {
    let mut p = Build::new();
    let (a, cell) = (p.mutex("S.a"), p.mutex("Cell.m"));
    let f = p.public("f");
    p.body(f, |b| {
        b.repeat(LocalId(0), |b| {
            b.lock(own(a, &["a"]));
        });
    });
    // Another object in each iteration, by a loop variable or by an index.
    let g = p.public("g");
    p.body(g, |b| {
        b.repeat(LocalId(0), |b| {
            b.lock(at(cell, Root::Local(LocalId(0)), &["m"]));
            b.lock(at(cell, Root::Param(0), &["cells", "[]"]));
        });
    });
    let analysis = p.analyse();
    let same: Vec<_> = analysis
        .nestings()
        .iter()
        .map(|n| (n.function, n.held.guard, n.same))
        .collect();
    assert_eq!(same[0], (f, GuardId(0), SameInstance::Certain));
    assert!(
        same[1..]
            .iter()
            .all(|(function, _, same)| *function == g && *same == SameInstance::Unlikely),
        "{same:?}"
    );
}

#[test]
fn a_wait_gives_its_guard_back() {
    let mut p = Build::new();
    let (a, other) = (p.mutex("S.a"), p.mutex("S.other"));
    let cv = p.class("S.cv", ObjectKind::Condvar, ClassScope::Field);
    let f = p.public("f");
    let mut after = None;
    p.body(f, |b| {
        let outer = b.lock(own(other, &["other"]));
        let g = b.lock(own(a, &["a"]));
        b.event(EventKind::Wait {
            condvar: own(cv, &["cv"]),
            guard: Some(g),
            checks_predicate: false,
            in_loop: true,
            predicate_read: true,
            timed: false,
            by_reference: false,
        });
        after = Some(b.event(EventKind::Await));
        b.release(g);
        b.release(outer);
    });
    let analysis = p.analyse();
    assert_eq!(names(&analysis, after.unwrap()).len(), 2);
    // The guard that is handed over is not blocked under, the other one is.
    let blocked: Vec<_> = analysis
        .blocked()
        .iter()
        .map(|b| b.held.lock.class)
        .collect();
    assert_eq!(blocked, [Some(other)]);
    assert_eq!(
        analysis
            .condvar_locks(cv)
            .map(|locks| locks.iter().copied().collect::<Vec<_>>()),
        Some(vec![a])
    );
}

#[test]
fn a_helper_that_returns_a_guard_takes_the_caller_s_lock() {
    let mut p = Build::new();
    let (a, b_class) = (p.mutex("S.a"), p.mutex("S.b"));
    let inner = p.function("inner");
    p.body(inner, |b| {
        let g = b.lock(own(a, &["a"]));
        b.ret(g);
    });
    let outer = p.function("outer");
    p.body(outer, |b| {
        let g = b.lock_by(call(&[inner], Resolution::Exact, &[this()]));
        b.ret(g);
    });
    let f = p.public("f");
    p.body(f, |b| {
        let g = b.lock_by(call(
            &[outer],
            Resolution::Exact,
            &[arg(Root::Param(0), &["part"])],
        ));
        b.touch(own(b_class, &["b"]));
        b.release(g);
    });
    let analysis = p.analyse();
    let info = analysis.guard(f, GuardId(0)).unwrap();
    assert_eq!(info.locks.len(), 1);
    let held = &info.locks[0];
    assert_eq!(held.lock, own(a, &["part", "a"]));
    assert_eq!(held.site.line, 202);
    assert_eq!(through(&held.via), [1, 0]);
    assert_eq!(pairs(&analysis), ["S.a > S.b"]);
}

#[test]
fn helpers_that_return_each_other_s_guards_end() {
    let mut p = Build::new();
    let a = p.mutex("S.a");
    let (f, g) = (p.function("f"), p.function("g"));
    p.body(f, |b| {
        b.branch(
            |b| {
                let guard = b.lock(own(a, &["a"]));
                b.ret(guard);
            },
            |b| {
                let guard = b.lock_by(call(
                    &[g],
                    Resolution::Exact,
                    &[arg(Root::Param(0), &["next"])],
                ));
                b.ret(guard);
            },
        );
    });
    p.body(g, |b| {
        let guard = b.lock_by(call(&[f], Resolution::Exact, &[this()]));
        b.ret(guard);
    });
    let analysis = p.analyse();
    assert!(analysis.guard(g, GuardId(0)).unwrap().locks.len() > 1);
}

#[test]
fn a_second_guard_by_a_helper_is_a_double_lock() {
    let mut p = Build::new();
    let a = p.mutex("S.a");
    let helper = p.function("helper");
    p.body(helper, |b| {
        let g = b.lock(own(a, &["a"]));
        b.ret(g);
    });
    let f = p.public("f");
    p.body(f, |b| {
        let first = b.lock_by(call(&[helper], Resolution::Exact, &[this()]));
        let second = b.lock_by(call(&[helper], Resolution::Exact, &[this()]));
        b.release(second);
        b.release(first);
    });
    let analysis = p.analyse();
    let [nesting] = analysis.nestings() else {
        panic!("{:?}", pairs(&analysis))
    };
    assert_eq!(
        (nesting.same, nesting.confidence),
        (SameInstance::Certain, Certainty::High)
    );
    assert_eq!(
        (nesting.held.site.line, nesting.site.line, nesting.taken_in),
        (102, 2, helper)
    );
}

#[test]
fn a_try_lock_holds_but_is_never_taken_under_a_lock() {
    let mut p = Build::new();
    let (a, b_class) = (p.mutex("S.a"), p.mutex("S.b"));
    let f = p.public("f");
    p.body(f, |b| {
        let g = b.lock(own(a, &["a"]));
        let h = b.try_lock(own(b_class, &["b"]));
        b.release(h);
        b.release(g);
    });
    let g = p.public("g");
    p.body(g, |b| {
        let g = b.try_lock(own(b_class, &["b"]));
        b.touch(own(a, &["a"]));
        b.release(g);
    });
    let analysis = p.analyse();
    assert_eq!(pairs(&analysis), ["S.b > S.a"]);
    assert!(analysis.cycles().is_empty());
}

#[test]
fn unreachable_code_holds_nothing_and_malformed_input_does_no_harm() {
    let mut p = Build::new();
    let a = p.mutex("S.a");
    let f = p.public("f");
    p.body(f, |b| {
        b.lock(own(a, &["a"]));
    });
    let lost = Event {
        kind: EventKind::Acquire {
            guard: GuardId(99),
            source: LockSource::Callee(call(
                &[FnId(77)],
                Resolution::Exact,
                &[closure_arg(FnId(78))],
            )),
            mode: Mode::Read,
            blocking: Blocking::Waits,
        },
        site: p.f(f).site,
        stmt: StmtId(55),
    };
    let function = p.f(f);
    function.parent = Some(f);
    function.blocks.push(Block {
        events: vec![lost],
        successors: vec![BlockId(44)],
    });
    function.blocks[0].successors.push(BlockId(33));
    p.body(f, |b| {
        b.event(spawn(Some(FnId(66)), false));
        b.event(EventKind::CallParam { param: 9 });
        b.event(EventKind::Release {
            guard: GuardId(200),
            why: ReleaseWhy::Dropped,
        });
        b.lock(at(ClassId(12), Root::Opaque(1), &[]));
    });
    let analysis = p.analyse();
    assert!(analysis.nestings().is_empty());
    assert!(analysis.guard(f, GuardId(99)).is_none());
}

#[test]
fn figures_for_the_summary_line() {
    let mut p = Build::new();
    let a = p.mutex("S.a");
    p.class("a", std_lock(LockShape::Mutex), ClassScope::Param);
    p.class("S.n", ObjectKind::Atomic, ClassScope::Field);
    let f = p.public("f");
    p.body(f, |b| {
        b.event(EventKind::Call(call(&[], Resolution::Unknown, &[])));
        let g = b.lock(own(a, &["a"]));
        b.event(EventKind::Call(call(&[], Resolution::Unknown, &[])));
        b.event(EventKind::Call(call(&[], Resolution::External, &[])));
        b.event(spawn(None, false));
        b.release(g);
    });
    let counts = p.analyse().counts();
    let expected = Counts {
        locks: 1,
        acquisitions: 1,
        spawns: 1,
        unresolved_calls_under_lock: 1,
        ..Counts::default()
    };
    assert_eq!(counts, expected);
}
