//! Thread roots and gates.

use super::build::*;
use crate::analysis::*;

/// A binary with one `main`.
fn binary() -> (Build, FnId) {
    let mut p = Build::new();
    let main = function(&mut p, "main");
    p.f(main).kind = FnKind::Main;
    (p, main)
}

fn function(p: &mut Build, name: &str) -> FnId {
    let id = p.function(name);
    p.f(id).in_library = false;
    id
}

fn body(p: &mut Build, parent: FnId) -> FnId {
    let id = p.nested(parent, FnKind::SpawnBody);
    p.f(id).in_library = false;
    id
}

fn calls(p: &mut Build, caller: FnId, callee: FnId) {
    p.body(caller, |b| {
        b.call(callee);
    });
}

#[test]
fn a_program_without_spawn_and_library_has_one_thread() {
    let (mut p, main) = binary();
    let f = function(&mut p, "f");
    let dead = function(&mut p, "dead");
    calls(&mut p, main, f);
    let analysis = p.analyse();
    assert!(!analysis.may_run_in_parallel(f, f) && !analysis.may_run_in_parallel(f, dead));
}

#[test]
fn a_spawned_body_runs_beside_main_and_not_beside_itself() {
    let (mut p, main) = binary();
    let (f, g) = (function(&mut p, "f"), function(&mut p, "g"));
    let thread = body(&mut p, main);
    calls(&mut p, thread, f);
    p.body(main, |b| {
        b.event(spawn(Some(thread), false));
        b.call(g);
    });
    let analysis = p.analyse();
    assert!(analysis.may_run_in_parallel(f, g) && analysis.may_run_in_parallel(g, f));
    assert!(!analysis.may_run_in_parallel(f, f), "one thread");
    assert!(!analysis.may_run_in_parallel(g, g), "one thread");
}

#[test]
fn a_body_spawned_in_a_loop_runs_beside_itself() {
    let (mut p, main) = binary();
    let thread = body(&mut p, main);
    p.body(main, |b| {
        b.event(spawn(Some(thread), true));
    });
    assert!(p.analyse().may_run_in_parallel(thread, thread));

    let (mut p, main) = binary();
    let thread = body(&mut p, main);
    p.body(main, |b| {
        b.repeat(LocalId(0), |b| {
            b.event(spawn(Some(thread), false));
        });
    });
    assert!(p.analyse().may_run_in_parallel(thread, thread));
}

#[test]
fn a_loop_counts_where_no_statement_is_kept() {
    let (mut p, main) = binary();
    let (start, single) = (function(&mut p, "start"), function(&mut p, "single"));
    let thread = body(&mut p, start);
    let alone = body(&mut p, single);
    for (function, thread) in [(start, thread), (single, alone)] {
        p.body(function, |b| {
            b.event(spawn(Some(thread), false));
        });
    }
    p.body(main, |b| {
        b.repeat(LocalId(0), |b| {
            b.call(start);
        });
        b.call(single);
    });
    let main = p.f(main);
    main.stmts.truncate(1);
    for event in main.blocks.iter_mut().flat_map(|block| &mut block.events) {
        event.stmt = StmtId(0);
    }
    let analysis = p.analyse();
    assert!(analysis.may_run_in_parallel(thread, thread));
    assert!(!analysis.may_run_in_parallel(alone, alone));
}

#[test]
fn a_body_spawned_by_code_that_runs_twice_runs_beside_itself() {
    let (mut p, main) = binary();
    let start = function(&mut p, "start");
    let thread = body(&mut p, start);
    p.body(start, |b| {
        b.event(spawn(Some(thread), false));
    });
    let once = p.program.clone();
    calls(&mut p, main, start);
    calls(&mut p, main, start);
    assert!(p.analyse().may_run_in_parallel(thread, thread));

    let mut p = Build { program: once };
    calls(&mut p, main, start);
    assert!(!p.analyse().may_run_in_parallel(thread, thread));
}

#[test]
fn a_body_spawned_by_a_thread_of_many_is_many() {
    let (mut p, main) = binary();
    let outer = body(&mut p, main);
    let inner = body(&mut p, outer);
    p.body(outer, |b| {
        b.event(spawn(Some(inner), false));
    });
    p.body(main, |b| {
        b.event(spawn(Some(outer), true));
    });
    assert!(p.analyse().may_run_in_parallel(inner, inner));
}

#[test]
fn anyone_may_call_the_public_functions_of_a_library() {
    let mut p = Build::new();
    let (f, g, private) = (p.public("f"), p.public("g"), p.function("private"));
    calls(&mut p, f, private);
    let analysis = p.analyse();
    assert!(analysis.may_run_in_parallel(f, g) && analysis.may_run_in_parallel(private, private));
}

#[test]
fn tests_meet_in_statics_only_and_never_meet_main() {
    let (mut p, main) = binary();
    let (f, g) = (function(&mut p, "f"), function(&mut p, "g"));
    let tests: Vec<FnId> = (0..2).map(|_| function(&mut p, "test")).collect();
    for &test in &tests {
        p.f(test).is_test = true;
        p.f(test).is_test_root = true;
    }
    let spawner = function(&mut p, "spawner");
    let thread = body(&mut p, spawner);
    p.body(spawner, |b| {
        b.event(spawn(Some(thread), false));
    });
    calls(&mut p, main, f);
    calls(&mut p, main, spawner);
    calls(&mut p, tests[0], f);
    calls(&mut p, tests[1], g);
    let analysis = p.analyse();
    assert!(!analysis.may_run_in_parallel(f, g));
    assert!(analysis.may_run_in_parallel_on_statics(f, g));
    assert!(analysis.may_run_in_parallel(f, thread));
}

#[test]
fn callbacks_may_be_run_by_any_thread() {
    let (mut p, main) = binary();
    let closure = p.nested(main, FnKind::Closure);
    let (f, uncalled) = (function(&mut p, "f"), function(&mut p, "next"));
    calls(&mut p, closure, f);
    let thread = body(&mut p, main);
    p.body(main, |b| {
        b.event(EventKind::Call(call(
            &[],
            Resolution::Unknown,
            &[closure_arg(closure)],
        )));
        b.event(spawn(Some(thread), false));
    });
    let analysis = p.analyse();
    assert!(analysis.may_run_in_parallel(f, main) && analysis.may_run_in_parallel(f, f));
    assert!(analysis.may_run_in_parallel(uncalled, main));
}

#[test]
fn gates_come_from_the_point_itself_the_chain_and_all_callers() {
    let mut p = Build::new();
    let ids: Vec<ClassId> = ["gate", "a", "mid", "b"]
        .iter()
        .map(|name| p.mutex(name))
        .collect();
    let [gate, a, mid, b_class] = ids[..] else {
        unreachable!()
    };
    let last = p.function("last");
    p.body(last, |b| b.touch(own(b_class, &["b"])));
    let chain = p.function("chain");
    p.body(chain, |b| {
        let g = b.lock(own(mid, &["mid"]));
        b.call(last);
        b.release(g);
    });
    let f = p.function("f");
    p.body(f, |b| {
        let g = b.lock(own(a, &["a"]));
        b.call(chain);
        b.release(g);
    });
    let callers: Vec<FnId> = (0..2).map(|_| p.public("caller")).collect();
    for &caller in &callers {
        p.body(caller, |b| {
            let g = b.lock(own(gate, &["gate"]));
            b.call(f);
            b.release(g);
        });
    }
    let find = |analysis: &Analysis| -> Vec<ClassId> {
        let mut all = analysis.nestings().iter();
        let nesting = all.find(|n| n.function == f && n.taken.class == Some(b_class));
        nesting.map(|n| n.gates.clone()).unwrap_or_default()
    };
    let open = p.program.clone();
    let analysis = p.analyse();
    assert_eq!(find(&analysis), [gate, mid]);
    assert_eq!(analysis.entry_held(f), [gate]);
    assert_eq!(analysis.entry_held(last), [gate, a, mid]);
    assert_eq!(
        analysis
            .callers(f)
            .iter()
            .map(|at| at.function)
            .collect::<Vec<_>>(),
        callers
    );

    // A caller without the gate, or one that nobody sees, opens it.
    let mut one = Build {
        program: open.clone(),
    };
    let free = one.public("free");
    calls(&mut one, free, f);
    assert_eq!(find(&one.analyse()), [mid]);
    let mut two = Build { program: open };
    two.f(f).is_pub = true;
    assert_eq!(find(&two.analyse()), [mid]);
}

#[test]
fn a_program_and_its_libraries_are_entered_as_is_seen() {
    let mut p = Build::new();
    let gate = p.mutex("gate");
    let f = p.public("f");
    let caller = p.public("caller");
    p.body(caller, |b| {
        let g = b.lock(own(gate, &["gate"]));
        b.call(f);
        b.release(g);
    });
    assert!(p.program.functions[f.index()].in_library);
    let library = p.program.clone();
    assert!(p.analyse().entry_held(f).is_empty());

    let mut p = Build { program: library };
    p.f(f).in_program = true;
    let program = p.program.clone();
    assert_eq!(p.analyse().entry_held(f), [gate]);

    // What a test does without the lock, nobody else does.
    let mut p = Build {
        program: program.clone(),
    };
    let test = p.function("test");
    p.f(test).is_test = true;
    p.f(test).is_test_root = true;
    calls(&mut p, test, f);
    assert_eq!(p.analyse().entry_held(f), [gate]);

    // A call of nobody knows what is most likely one of another type.
    let unresolved = |program: &Program| {
        let mut p = Build {
            program: program.clone(),
        };
        let other = p.public("other");
        p.body(other, |b| {
            b.event(EventKind::Call(Call {
                name: "x.f".into(),
                ..call(&[], Resolution::Unknown, &[])
            }));
        });
        p.analyse().entry_held(f).to_vec()
    };
    assert_eq!(unresolved(&program), [gate]);

    let mut p = Build { program };
    let free = p.public("free");
    calls(&mut p, free, f);
    assert!(p.analyse().entry_held(f).is_empty());
}

#[test]
fn an_unresolved_call_of_the_same_name_opens_a_function() {
    let mut p = Build::new();
    let gate = p.mutex("gate");
    let f = p.function("f");
    let caller = p.public("caller");
    p.body(caller, |b| {
        let g = b.lock(own(gate, &["gate"]));
        b.call(f);
        b.release(g);
    });
    let open = p.program.clone();
    assert_eq!(p.analyse().entry_held(f), [gate]);
    let mut p = Build { program: open };
    p.body(caller, |b| {
        b.event(EventKind::Call(Call {
            name: "x.f".into(),
            ..call(&[], Resolution::Unknown, &[])
        }));
    });
    assert!(p.analyse().entry_held(f).is_empty());
}

#[test]
fn recursion_keeps_the_gates_of_its_callers() {
    let mut p = Build::new();
    let gate = p.mutex("gate");
    let (f, g) = (p.function("f"), p.function("g"));
    calls(&mut p, f, g);
    calls(&mut p, g, f);
    let caller = p.public("caller");
    p.body(caller, |b| {
        let guard = b.lock(own(gate, &["gate"]));
        b.call(f);
        b.release(guard);
    });
    assert_eq!(p.analyse().entry_held(g), [gate]);
}
