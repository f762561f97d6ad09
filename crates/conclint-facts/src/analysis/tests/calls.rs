//! Locks and blocking operations reached through calls.

use super::build::*;
use crate::analysis::*;

/// `f` holds `S.a` and calls `g`.
fn hold_and_call(p: &mut Build, f: FnId, lock: ObjectRef, call: Call) {
    p.body(f, |b| {
        let guard = b.lock(lock);
        b.event(EventKind::Call(call));
        b.release(guard);
    });
}

#[test]
fn a_double_lock_three_calls_down() {
    let mut p = Build::new();
    let a = p.rwlock("S.a");
    let ids: Vec<FnId> = (0..4).map(|i| p.function(&format!("f{i}"))).collect();
    hold_and_call(
        &mut p,
        ids[0],
        own(a, &["a"]),
        call(&[ids[1]], Resolution::Exact, &[this()]),
    );
    p.body(ids[1], |b| {
        b.call(ids[2]);
    });
    p.body(ids[2], |b| {
        b.call(ids[3]);
    });
    p.body(ids[3], |b| {
        let g = b.read(own(a, &["a"]));
        b.release(g);
    });
    let analysis = p.analyse();
    let [nesting] = analysis.nestings() else {
        panic!("{:?}", pairs(&analysis))
    };
    assert_eq!((nesting.function, nesting.taken_in), (ids[0], ids[3]));
    assert_eq!(
        (nesting.same, nesting.confidence),
        (SameInstance::Certain, Certainty::High)
    );
    assert_eq!(through(&nesting.chain), [0, 1, 2]);
    assert_eq!(nesting.chain[0].name, "self.f1");
    assert_eq!((nesting.held.site.line, nesting.site.line), (2, 302));
}

#[test]
fn paths_are_read_in_the_caller_s_terms() {
    let mut p = Build::new();
    let a = p.mutex("Part.a");
    let g = p.function("g");
    p.body(g, |b| b.touch(own(a, &["a"])));
    let f = p.public("f");
    hold_and_call(
        &mut p,
        f,
        own(a, &["part", "a"]),
        call(&[g], Resolution::Exact, &[arg(Root::Param(0), &["part"])]),
    );
    let h = p.public("h");
    hold_and_call(
        &mut p,
        h,
        own(a, &["left", "a"]),
        call(&[g], Resolution::Exact, &[arg(Root::Param(0), &["right"])]),
    );
    let k = p.public("k");
    hold_and_call(
        &mut p,
        k,
        own(a, &["part", "a"]),
        call(&[g], Resolution::Exact, &[Arg::default()]),
    );
    let analysis = p.analyse();
    let same: Vec<_> = analysis
        .nestings()
        .iter()
        .map(|n| (n.function, n.same))
        .collect();
    assert_eq!(
        same,
        [
            (f, SameInstance::Certain),
            (h, SameInstance::Unlikely),
            (k, SameInstance::Unlikely)
        ]
    );
    assert_eq!(analysis.nestings()[0].taken, own(a, &["part", "a"]));
}

#[test]
fn a_callee_s_local_is_opaque() {
    let mut p = Build::new();
    let a = p.mutex("Part.a");
    let g = p.function("g");
    p.body(g, |b| b.touch(at(a, Root::Local(LocalId(0)), &["a"])));
    let f = p.public("f");
    hold_and_call(
        &mut p,
        f,
        at(a, Root::Local(LocalId(0)), &["a"]),
        call(&[g], Resolution::Exact, &[this()]),
    );
    let analysis = p.analyse();
    assert_eq!(analysis.nestings()[0].same, SameInstance::Unlikely);
    assert!(matches!(
        analysis.nestings()[0].taken.place.root,
        Root::Opaque(_)
    ));
}

#[test]
fn direct_recursion_under_a_lock_is_a_double_lock() {
    let mut p = Build::new();
    let a = p.mutex("S.a");
    let f = p.public("f");
    hold_and_call(
        &mut p,
        f,
        own(a, &["a"]),
        call(&[f], Resolution::Exact, &[this()]),
    );
    let analysis = p.analyse();
    let [nesting] = analysis.nestings() else {
        panic!("{:?}", pairs(&analysis))
    };
    assert_eq!(
        (nesting.function, nesting.taken_in, nesting.same),
        (f, f, SameInstance::Certain)
    );
    assert_eq!(through(&nesting.chain), [0]);
}

#[test]
fn recursion_after_the_lock_is_none() {
    let mut p = Build::new();
    let a = p.mutex("S.a");
    let (f, g) = (p.public("f"), p.function("g"));
    p.body(f, |b| {
        b.touch(own(a, &["a"]));
        b.call(g);
    });
    p.body(g, |b| {
        b.call(f);
    });
    assert!(p.analyse().nestings().is_empty());
}

#[test]
fn mutual_recursion_over_a_growing_path_ends() {
    let mut p = Build::new();
    let a = p.mutex("Node.a");
    let (f, g) = (p.public("f"), p.function("g"));
    let next = arg(Root::Param(0), &["next"]);
    hold_and_call(
        &mut p,
        f,
        own(a, &["a"]),
        call(&[g], Resolution::Exact, std::slice::from_ref(&next)),
    );
    p.body(g, |b| {
        b.call_with(f, &[next]);
        b.call(g);
    });
    let analysis = p.analyse();
    let [nesting] = analysis.nestings() else {
        panic!("{:?}", pairs(&analysis))
    };
    assert_eq!(
        (nesting.same, through(&nesting.chain)),
        (SameInstance::Unlikely, vec![0, 1])
    );
}

#[test]
fn certainty_falls_with_each_guess() {
    let certainty = |resolution: Resolution, targets: usize, again: Resolution| {
        let mut p = Build::new();
        let (a, b) = (p.mutex("S.a"), p.mutex("S.b"));
        let last = p.function("last");
        p.body(last, |body| body.touch(own(b, &["b"])));
        let mids: Vec<FnId> = (0..targets).map(|_| p.function("mid")).collect();
        for &mid in &mids {
            p.body(mid, |body| {
                body.event(EventKind::Call(call(&[last], again, &[this()])));
            });
        }
        let f = p.public("f");
        hold_and_call(
            &mut p,
            f,
            own(a, &["a"]),
            call(&mids, resolution, &[this()]),
        );
        p.analyse().nestings().first().map(|n| n.confidence)
    };
    use Certainty::{High, Low, Medium};
    use Resolution::{ByName, Exact, Trait};
    assert_eq!(certainty(Exact, 1, Exact), Some(High));
    assert_eq!(certainty(Trait, 1, Exact), Some(High));
    assert_eq!(certainty(Trait, 3, Exact), Some(Medium));
    assert_eq!(certainty(Trait, 12, Exact), Some(Low));
    assert_eq!(certainty(Trait, 100, Exact), None);
    assert_eq!(certainty(ByName, 1, Exact), Some(Medium));
    assert_eq!(certainty(ByName, 1, Trait), Some(Medium));
    assert_eq!(certainty(ByName, 1, ByName), Some(Low));
}

#[test]
fn a_surer_chain_is_kept_beside_a_shorter_one() {
    let mut p = Build::new();
    let (a, b_class) = (p.mutex("S.a"), p.mutex("S.b"));
    let last = p.function("last");
    p.body(last, |b| b.touch(own(b_class, &["b"])));
    let long = p.function("long");
    p.body(long, |b| {
        b.call(last);
    });
    let mid = p.function("mid");
    p.body(mid, |b| {
        b.event(EventKind::Call(call(
            &[last],
            Resolution::ByName,
            &[this()],
        )));
        b.call(long);
    });
    let f = p.public("f");
    hold_and_call(
        &mut p,
        f,
        own(a, &["a"]),
        call(&[mid], Resolution::Exact, &[this()]),
    );
    let analysis = p.analyse();
    let found: Vec<_> = analysis
        .nestings()
        .iter()
        .map(|n| (n.confidence, n.chain.len()))
        .collect();
    assert!(
        found.contains(&(Certainty::High, 3)) && found.contains(&(Certainty::Medium, 2)),
        "{found:?}"
    );
}

#[test]
fn a_guard_that_moves_into_a_call_is_held_with_little_certainty() {
    let mut p = Build::new();
    let a = p.mutex("S.a");
    let g = p.function("g");
    p.body(g, |b| b.touch(own(a, &["a"])));
    let f = p.public("f");
    p.body(f, |b| {
        let guard = b.lock(own(a, &["a"]));
        b.event(EventKind::Release {
            guard,
            why: ReleaseWhy::Moved,
        });
        b.call_with(
            g,
            &[
                this(),
                Arg {
                    guards: vec![guard],
                    ..Arg::default()
                },
            ],
        );
    });
    let analysis = p.analyse();
    assert_eq!(confidences(&analysis), [Certainty::Low]);
}

#[test]
fn locks_given_as_arguments_are_known_to_the_caller_only() {
    let mut p = Build::new();
    let (x, y) = (p.mutex("S.x"), p.mutex("S.y"));
    let from = p.class("from", std_lock(LockShape::Mutex), ClassScope::Param);
    let to = p.class("to", std_lock(LockShape::Mutex), ClassScope::Param);
    let transfer = p.function("transfer");
    p.body(transfer, |b| {
        let g = b.lock(at(from, Root::Param(0), &[]));
        let h = b.lock(at(to, Root::Param(1), &[]));
        b.release(h);
        b.release(g);
    });
    let lock = |class, field: &'static str| lock_arg(class, Root::Param(0), &[field]);
    let calls = [
        [lock(x, "x"), lock(y, "y")],
        [lock(y, "y"), lock(x, "x")],
        [lock(x, "x"), lock(x, "x")],
    ];
    for args in calls {
        let f = p.public("f");
        p.body(f, |b| {
            b.call_with(transfer, &args);
        });
    }
    let analysis = p.analyse();
    assert_eq!(
        pairs(&analysis),
        ["from > to", "S.x > S.y", "S.y > S.x", "S.x > S.x"]
    );
    let lifted = &analysis.nestings()[1];
    assert_eq!(
        (lifted.function, through(&lifted.context)),
        (transfer, vec![1])
    );
    assert_eq!(analysis.nestings()[3].same, SameInstance::Certain);
    assert_eq!(cycles(&analysis), [["S.x", "S.y"]]);
}

#[test]
fn two_parameters_are_one_object_where_the_caller_says_so() {
    let mut p = Build::new();
    let m = p.mutex("Account.m");
    let transfer = p.function("transfer");
    p.body(transfer, |b| {
        let g = b.lock(at(m, Root::Param(0), &["m"]));
        b.touch(at(m, Root::Param(1), &["m"]));
        b.release(g);
    });
    let f = p.public("f");
    p.body(f, |b| {
        b.call_with(
            transfer,
            &[arg(Root::Param(0), &["a"]), arg(Root::Param(0), &["b"])],
        );
        b.call_with(
            transfer,
            &[arg(Root::Param(0), &["a"]), arg(Root::Param(0), &["a"])],
        );
    });
    let analysis = p.analyse();
    let found: Vec<_> = analysis
        .nestings()
        .iter()
        .map(|n| (n.same, n.context.len()))
        .collect();
    assert_eq!(
        found,
        [(SameInstance::Maybe, 0), (SameInstance::Certain, 1)]
    );
}

#[test]
fn a_spawned_body_starts_with_nothing_held() {
    let mut p = Build::new();
    let (a, b_class) = (p.mutex("S.a"), p.mutex("S.b"));
    let f = p.public("f");
    let body = p.nested(f, FnKind::SpawnBody);
    p.body(body, |b| {
        b.touch(own(b_class, &["b"]));
        b.event(sleep());
    });
    p.body(f, |b| {
        let g = b.lock(own(a, &["a"]));
        b.event(spawn(Some(body), false));
        b.release(g);
    });
    let analysis = p.analyse();
    assert!(analysis.nestings().is_empty() && analysis.blocked().is_empty());
}

#[test]
fn blocking_operations_are_found_through_calls() {
    let mut p = Build::new();
    let a = p.mutex("S.a");
    let g = p.function("g");
    let mut at = None;
    p.body(g, |b| {
        b.event(EventKind::Await);
        b.event(EventKind::Send {
            channel: None,
            bounded: None,
            blocking: Blocking::Waits,
        });
        b.event(EventKind::Recv {
            channel: None,
            blocking: Blocking::Timed,
            loop_head: false,
        });
        at = Some(b.event(EventKind::Recv {
            channel: None,
            blocking: Blocking::Waits,
            loop_head: false,
        }));
    });
    let f = p.public("f");
    hold_and_call(
        &mut p,
        f,
        own(a, &["a"]),
        call(&[g], Resolution::ByName, &[this()]),
    );
    let h = p.public("h");
    p.body(h, |b| {
        let guard = b.lock(own(a, &["a"]));
        b.event(EventKind::Send {
            channel: None,
            bounded: Some(true),
            blocking: Blocking::Waits,
        });
        b.release(guard);
        b.event(sleep());
    });
    let analysis = p.analyse();
    let [first, second] = analysis.blocked() else {
        panic!("{:?}", analysis.blocked())
    };
    assert_eq!(
        (first.function, Some(first.event), first.confidence),
        (f, at, Certainty::Medium)
    );
    assert_eq!(
        (second.function, second.chain.len(), second.confidence),
        (h, 0, Certainty::High)
    );
}

#[test]
fn calls_of_the_other_cfg_variant_are_not_followed() {
    let mut p = Build::new();
    let a = p.mutex("S.a");
    let (unix, windows) = (p.function("g"), p.function("g"));
    p.f(unix).cfgs = vec!["unix".into()];
    p.f(windows).cfgs = vec!["windows".into()];
    p.body(windows, |b| b.touch(own(a, &["a"])));
    let f = p.public("f");
    p.f(f).cfgs = vec!["target_os = \"linux\"".into()];
    hold_and_call(
        &mut p,
        f,
        own(a, &["a"]),
        call(&[unix, windows], Resolution::Exact, &[this()]),
    );
    assert!(p.analyse().nestings().is_empty());
}

#[test]
fn a_method_of_the_guarded_data_does_not_take_the_guard_over() {
    let mut p = Build::new();
    let (a, c) = (p.mutex("S.a"), p.mutex("S.c"));
    let g = p.function("g");
    p.body(g, |b| b.touch(own(c, &["c"])));
    let f = p.public("f");
    p.body(f, |b| {
        let guard = b.lock(own(a, &["a"]));
        b.call_with(
            g,
            &[Arg {
                guards: vec![guard],
                ..this()
            }],
        );
        b.release(guard);
    });
    let analysis = p.analyse();
    assert_eq!(confidences(&analysis), [Certainty::High]);
}
