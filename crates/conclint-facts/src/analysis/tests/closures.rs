//! Closures that callees run.

use super::build::*;
use crate::analysis::*;

/// `helper(&self, f)`: runs `f`, holding `lock` if there is one.
fn helper(p: &mut Build, lock: Option<ObjectRef>) -> FnId {
    let id = p.function("helper");
    p.f(id).params[1].callable = true;
    p.body(id, |b| {
        let guard = lock.map(|lock| b.lock(lock));
        b.event(EventKind::CallParam { param: 1 });
        if let Some(guard) = guard {
            b.release(guard);
        }
    });
    id
}

#[test]
fn a_closure_run_by_a_callee_takes_locks_under_the_caller_s() {
    let mut p = Build::new();
    let (a, c) = (p.mutex("S.a"), p.mutex("S.c"));
    let helper = helper(&mut p, None);
    let f = p.public("f");
    let closure = p.nested(f, FnKind::Closure);
    p.body(closure, |b| b.touch(own(c, &["c"])));
    p.body(f, |b| {
        let guard = b.lock(own(a, &["a"]));
        b.call_with(helper, &[this(), closure_arg(closure)]);
        b.release(guard);
    });
    let analysis = p.analyse();
    let [nesting] = analysis.nestings() else {
        panic!("{:?}", pairs(&analysis))
    };
    assert_eq!((nesting.function, nesting.taken_in), (f, closure));
    assert_eq!(nesting.taken, own(c, &["c"]));
    assert_eq!(through(&nesting.chain), [f.0, helper.0]);
    assert_eq!(nesting.chain[1].name, "other");
}

#[test]
fn a_closure_takes_locks_under_those_of_the_callee() {
    let mut p = Build::new();
    let a = p.mutex("S.a");
    let helper = helper(&mut p, Some(own(a, &["a"])));
    let forward = p.function("forward");
    p.f(forward).params[1].callable = true;
    p.body(forward, |b| {
        b.call_with(helper, &[this(), arg(Root::Param(1), &[])]);
    });
    let f = p.public("f");
    let closure = p.nested(f, FnKind::Closure);
    p.body(closure, |b| b.touch(own(a, &["part", "a"])));
    p.body(f, |b| {
        b.call_with(
            forward,
            &[arg(Root::Param(0), &["part"]), closure_arg(closure)],
        );
    });
    let analysis = p.analyse();
    let [nesting] = analysis.nestings() else {
        panic!("{:?}", pairs(&analysis))
    };
    assert_eq!((nesting.function, nesting.taken_in), (helper, closure));
    // Read where the closure stands, both are `self.part.a`.
    assert_eq!(nesting.same, SameInstance::Certain);
    assert_eq!(through(&nesting.chain), [helper.0]);
}

#[test]
fn a_closure_that_is_only_stored_is_not_run_in_place() {
    let mut p = Build::new();
    let a = p.mutex("S.a");
    let store = p.function("store");
    p.f(store).params[1].callable = true;
    let f = p.public("f");
    let closure = p.nested(f, FnKind::Closure);
    p.body(closure, |b| b.touch(own(a, &["a"])));
    p.body(f, |b| {
        let guard = b.lock(own(a, &["a"]));
        b.call_with(store, &[this(), closure_arg(closure)]);
        b.release(guard);
    });
    assert!(p.analyse().nestings().is_empty());
}

#[test]
fn what_unknown_code_does_with_a_closure_is_a_guess() {
    let mut p = Build::new();
    let a = p.mutex("S.a");
    let f = p.public("f");
    let closure = p.nested(f, FnKind::Closure);
    p.body(closure, |b| b.touch(own(a, &["a"])));
    p.body(f, |b| {
        let guard = b.lock(own(a, &["a"]));
        b.event(EventKind::Call(call(
            &[],
            Resolution::Unknown,
            &[this(), closure_arg(closure)],
        )));
        b.release(guard);
    });
    let analysis = p.analyse();
    assert_eq!(confidences(&analysis), [Certainty::Low]);
}

#[test]
fn a_function_stores_a_closure_that_calls_it_back() {
    // The lock is free when the closure runs later, but not when it is run here.
    let mut p = Build::new();
    let a = p.mutex("S.a");
    let f = p.public("f");
    let closure = p.nested(f, FnKind::Closure);
    p.body(closure, |b| {
        b.call(f);
    });
    let helper = helper(&mut p, None);
    p.body(f, |b| {
        let guard = b.lock(own(a, &["a"]));
        b.call_with(helper, &[this(), closure_arg(closure)]);
        b.release(guard);
    });
    let analysis = p.analyse();
    let [nesting] = analysis.nestings() else {
        panic!("{:?}", pairs(&analysis))
    };
    assert_eq!((nesting.taken_in, nesting.same), (f, SameInstance::Certain));
    assert_eq!(through(&nesting.chain), [f.0, helper.0, closure.0]);
}

#[test]
fn a_closure_that_runs_the_parameter_of_its_function_passes_it_on() {
    let mut p = Build::new();
    let (a, c) = (p.mutex("S.a"), p.mutex("S.c"));
    let inner = helper(&mut p, None);
    // outer(f) { inner(|| f()) }
    let outer = p.function("outer");
    p.f(outer).params[1].callable = true;
    let wrap = p.nested(outer, FnKind::Closure);
    p.body(wrap, |b| {
        b.event(EventKind::CallParam { param: 1 });
    });
    p.body(outer, |b| {
        b.call_with(inner, &[this(), closure_arg(wrap)]);
    });
    let f = p.public("f");
    let closure = p.nested(f, FnKind::Closure);
    p.body(closure, |b| b.touch(own(c, &["c"])));
    p.body(f, |b| {
        let guard = b.lock(own(a, &["a"]));
        b.call_with(outer, &[this(), closure_arg(closure)]);
        b.release(guard);
    });
    let analysis = p.analyse();
    assert_eq!(pairs(&analysis), ["S.a > S.c"]);
    assert_eq!(
        through(&analysis.nestings()[0].chain),
        [f.0, outer.0, inner.0, wrap.0]
    );
}

#[test]
fn a_function_passed_by_name_is_run_with_unknown_arguments() {
    let mut p = Build::new();
    let a = p.mutex("S.a");
    let helper = helper(&mut p, None);
    let named = p.function("named");
    p.body(named, |b| b.touch(own(a, &["a"])));
    let f = p.public("f");
    p.body(f, |b| {
        let guard = b.lock(own(a, &["a"]));
        b.call_with(helper, &[this(), closure_arg(named)]);
        b.release(guard);
    });
    let analysis = p.analyse();
    assert_eq!(
        analysis
            .nestings()
            .iter()
            .map(|n| n.same)
            .collect::<Vec<_>>(),
        [SameInstance::Unlikely]
    );
}

#[test]
fn an_open_callback_blocks_and_a_known_closure_does_not() {
    let mut p = Build::new();
    let a = p.mutex("S.a");
    let private = helper(&mut p, Some(own(a, &["a"])));
    let f = p.public("f");
    let closure = p.nested(f, FnKind::Closure);
    p.body(f, |b| {
        b.call_with(private, &[this(), closure_arg(closure)]);
    });
    assert!(p.analyse().blocked().is_empty());

    let mut p = Build::new();
    let a = p.mutex("S.a");
    let public = helper(&mut p, Some(own(a, &["a"])));
    p.f(public).is_pub = true;
    let analysis = p.analyse();
    let [blocked] = analysis.blocked() else {
        panic!("{:?}", analysis.blocked())
    };
    assert!(matches!(
        analysis.event(blocked.event).kind,
        EventKind::CallParam { param: 1 }
    ));
}

#[test]
fn blocking_in_a_closure_counts_under_the_callee_s_lock() {
    let mut p = Build::new();
    let a = p.mutex("S.a");
    let helper = helper(&mut p, Some(own(a, &["a"])));
    let f = p.public("f");
    let closure = p.nested(f, FnKind::Closure);
    p.body(closure, |b| {
        b.event(sleep());
    });
    p.body(f, |b| {
        b.call_with(helper, &[this(), closure_arg(closure)]);
    });
    let analysis = p.analyse();
    let [blocked] = analysis.blocked() else {
        panic!("{:?}", analysis.blocked())
    };
    assert_eq!(
        (blocked.function, blocked.event.function),
        (helper, closure)
    );
}
