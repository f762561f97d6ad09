//! What holds for every program.

use std::time::{Duration, Instant};

use super::build::*;
use crate::analysis::*;

/// A small generator of numbers: the tests are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }
}

/// A program of `functions` that call each other and take locks.
fn random(seed: u64, functions: usize, classes: usize, locking: usize) -> Program {
    let mut numbers = Numbers(seed);
    let mut p = Build::new();
    let classes: Vec<ClassId> = (0..classes)
        .map(|i| {
            if i % 3 == 0 {
                p.rwlock(&format!("r{i}"))
            } else {
                p.mutex(&format!("m{i}"))
            }
        })
        .collect();
    let ids: Vec<FnId> = (0..functions)
        .map(|i| p.function(&format!("f{i}")))
        .collect();
    for &id in &ids {
        p.f(id).is_pub = numbers.below(3) == 0;
        // Calls lead mostly down and to functions near by, as in real programs.
        let mut callee = || match numbers.below(50) {
            0 => ids[numbers.below(functions)],
            _ => ids[(id.index() + 1 + numbers.below(20)).min(functions - 1)],
        };
        let callees: Vec<FnId> = (0..3).map(|_| callee()).collect();
        let locks = numbers.below(locking) == 0;
        let picks: Vec<ClassId> = (0..2)
            .map(|_| classes[numbers.below(classes.len())])
            .collect();
        let by_name = numbers.below(5) == 0;
        p.body(id, |b| {
            if locks {
                let name = format!("c{}", picks[0].0);
                let guard = b.lock(own(picks[0], &[&name]));
                b.branch(
                    |b| {
                        b.call(callees[0]);
                    },
                    |b| b.release(guard),
                );
                let name = format!("c{}", picks[1].0);
                let guard = b.read(own(picks[1], &[&name]));
                b.release(guard);
                b.event(sleep());
            }
            let resolution = if by_name {
                Resolution::ByName
            } else {
                Resolution::Exact
            };
            b.event(EventKind::Call(call(&[callees[1]], resolution, &[this()])));
            b.call_with(callees[2], &[arg(Root::Param(0), &["part"])]);
        });
    }
    p.program
}

/// The same program with its functions in another order.
fn reordered(program: &Program) -> Program {
    let count = program.functions.len() as u32;
    let new = |id: FnId| FnId((id.0 * 7 + 3) % count);
    assert_ne!(count % 7, 0, "7 must not divide the number of functions");
    let mut functions: Vec<Option<Function>> = vec![None; count as usize];
    for (index, f) in program.functions.iter().enumerate() {
        let mut f = f.clone();
        f.parent = f.parent.map(new);
        for event in f.blocks.iter_mut().flat_map(|block| &mut block.events) {
            if let EventKind::Call(call) = &mut event.kind {
                call.targets.iter_mut().for_each(|id| *id = new(*id));
            }
        }
        functions[new(FnId(index as u32)).index()] = Some(f);
    }
    Program {
        functions: functions.into_iter().flatten().collect(),
        ..program.clone()
    }
}

/// All results, with names instead of numbers of functions.
fn described(analysis: &Analysis) -> Vec<String> {
    let name = |id: FnId| analysis.function(id).qualified.as_str();
    let chain = |chain: &[ChainStep]| {
        chain
            .iter()
            .map(|s| format!("{}:{}", name(s.function), s.site.line))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let nesting = |n: &Nesting| {
        format!(
            "{} {} [{}] {} {:?} {:?} {:?} {:?}",
            name(n.function),
            n.held.site.line,
            chain(&n.chain),
            n.site.line,
            n.same,
            n.gates,
            n.confidence,
            n.taken.place
        )
    };
    let nestings = analysis.nestings().iter().map(nesting);
    let blocked = analysis.blocked().iter().map(|b| {
        format!(
            "{} [{}] {:?}",
            name(b.function),
            chain(&b.chain),
            b.confidence
        )
    });
    let cycles = analysis.cycles().iter().map(|c| {
        format!(
            "{:?} {:?} {}",
            c.classes,
            c.confidence,
            c.edges.iter().map(nesting).collect::<Vec<_>>().join(" | ")
        )
    });
    nestings.chain(blocked).chain(cycles).collect()
}

#[test]
fn the_order_of_functions_changes_nothing() {
    for seed in 0..8 {
        let program = random(seed, 60, 8, 2);
        let other = reordered(&program);
        let (one, two) = (Analysis::of(program), Analysis::of(other));
        assert!(!one.nestings().is_empty());
        assert_eq!(described(&one), described(&two), "seed {seed}");
    }
}

#[test]
fn two_runs_agree() {
    let program = random(5, 400, 30, 3);
    let (one, two) = (Analysis::of(program.clone()), Analysis::of(program));
    assert_eq!(one.nestings(), two.nestings());
    assert_eq!(one.blocked(), two.blocked());
    assert_eq!(one.cycles(), two.cycles());
}

#[test]
fn every_nesting_is_one_of_its_own_words() {
    let analysis = Analysis::of(random(11, 300, 20, 2));
    for nesting in analysis.nestings() {
        let last = nesting
            .chain
            .last()
            .map_or(nesting.function, |step| step.function);
        let reaches = |id: FnId| {
            id == nesting.taken_in
                || analysis
                    .callers(nesting.taken_in)
                    .iter()
                    .any(|at| at.function == id)
        };
        assert!(
            reaches(last),
            "the last step leads to where the lock is taken"
        );
        assert!(
            nesting
                .chain
                .first()
                .is_none_or(|step| step.function == nesting.function)
        );
        let mut functions: Vec<FnId> = nesting
            .chain
            .iter()
            .skip(1)
            .map(|step| step.function)
            .collect();
        functions.sort();
        functions.dedup();
        assert_eq!(
            functions.len() + 1,
            nesting.chain.len().max(1),
            "no function twice on the way"
        );
        let own = [nesting.held.lock.class, nesting.taken.class];
        assert!(nesting.gates.iter().all(|gate| !own.contains(&Some(*gate))));
    }
}

#[test]
fn a_large_program_is_analysed_in_time() {
    let program = random(3, 5_000, 200, 20);
    let start = Instant::now();
    let analysis = Analysis::of(program);
    let took = start.elapsed();
    assert!(!analysis.nestings().is_empty());
    // Generous, for a debug build on a busy machine: this guards against
    // growth that is not linear.
    assert!(took < Duration::from_secs(60), "{took:?}");
}
