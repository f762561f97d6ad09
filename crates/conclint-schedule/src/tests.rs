use super::*;

/// A model program: each thread takes `n` steps on one shared object, and nobody ever blocks.
fn run(strategy: &mut dyn Strategy, threads: u32, n: u32) -> (Vec<u32>, Vec<Deviation>) {
    let mut left = vec![n; threads as usize];
    let mut counts = vec![0; threads as usize];
    let (mut order, mut deviations) = (Vec::new(), Vec::new());
    let mut current = 0;
    let mut step = 0;
    loop {
        let candidates: Vec<Candidate> = (0..threads)
            .filter(|t| left[*t as usize] > 0)
            .map(|thread| Candidate {
                thread,
                object: 7,
                access: Access::Write,
                due: None,
            })
            .collect();
        if candidates.is_empty() {
            break;
        }
        let decision = Decision {
            step,
            current,
            yielding: false,
            candidates: &candidates,
        };
        let default = default_choice(&decision);
        let mut pick = default;
        if candidates.len() > 1 {
            pick = strategy.choose(&decision);
            if pick >= candidates.len() {
                pick = default;
            }
            if pick != default {
                deviations.push(Deviation {
                    thread: current,
                    nth: counts[current as usize],
                    to: candidates[pick].thread,
                });
            }
            counts[current as usize] += 1;
        }
        current = candidates[pick].thread;
        left[current as usize] -= 1;
        order.push(current);
        step += 1;
    }
    strategy.end(step);
    (order, deviations)
}

#[test]
fn default_never_preempts() {
    let mut replay = Replay::new(&[]);
    assert!(replay.begin(0));
    let (order, deviations) = run(&mut replay, 3, 2);
    assert_eq!(order, [0, 0, 1, 1, 2, 2]);
    assert!(deviations.is_empty());
}

#[test]
fn bounded_search_is_complete_and_never_repeats() {
    // Two threads of three steps: C(6, 3) = 20 interleavings in all.
    let mut bounded = Bounded::new(10);
    let mut seen = std::collections::BTreeSet::new();
    let mut runs = 0;
    while bounded.begin(runs) {
        seen.insert(run(&mut bounded, 2, 3).0);
        runs += 1;
        assert!(runs < 10_000);
    }
    assert_eq!(seen.len(), 20);
    assert_eq!(bounded.exhausted(), Some(u32::MAX));
}

#[test]
fn bounded_search_keeps_its_bound() {
    let mut bounded = Bounded::new(1);
    let mut seen = std::collections::BTreeSet::new();
    let mut runs = 0;
    while bounded.begin(runs) {
        let (order, _) = run(&mut bounded, 2, 3);
        let mut left = [3, 3];
        let mut preemptions = 0;
        for pair in order.windows(2) {
            left[pair[0] as usize] -= 1;
            preemptions += u32::from(pair[0] != pair[1] && left[pair[0] as usize] > 0);
        }
        assert!(preemptions <= 1, "{order:?}");
        seen.insert(order);
        runs += 1;
    }
    // One switch after 0, 1 or 2 steps of the first thread, or none.
    assert_eq!(seen.len(), 4, "{seen:?}");
    assert_eq!(bounded.exhausted(), Some(1));
}

#[test]
fn saved_bounded_search_goes_on() {
    let mut whole = Bounded::new(2);
    let mut orders = Vec::new();
    let mut n = 0;
    while whole.begin(n) {
        orders.push(run(&mut whole, 2, 3).0);
        n += 1;
    }
    let mut saved = Vec::new();
    let mut pieces = Vec::new();
    for execution in 0..n {
        let mut part = Bounded::new(2);
        part.restore(&saved);
        assert!(part.begin(execution));
        pieces.push(run(&mut part, 2, 3).0);
        saved = part.save();
    }
    assert_eq!(orders, pieces);
}

#[test]
fn deviations_replay() {
    for seed in 0..50 {
        let mut random = Random::new(seed);
        assert!(random.begin(3));
        let (order, deviations) = run(&mut random, 3, 5);
        let mut replay = Replay::new(&deviations);
        assert!(replay.begin(0));
        let (again, same) = run(&mut replay, 3, 5);
        assert_eq!(order, again);
        assert_eq!(deviations, same);
        assert_eq!(replay.applied(), deviations.as_slice());
    }
}

#[test]
fn samplers_are_deterministic_and_varied() {
    let strategies: [fn(u64) -> Box<dyn Strategy>; 4] = [
        |s| Box::new(Random::new(s)),
        |s| Box::new(Pct::new(s, 3)),
        |s| Box::new(Pos::new(s)),
        |s| Box::new(Portfolio::new(Mix::Portfolio, s)),
    ];
    for make in strategies {
        let orders = |seed| {
            let mut strategy = make(seed);
            (0..40)
                .map(|n| {
                    assert!(strategy.begin(n));
                    run(strategy.as_mut(), 3, 4).0
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(orders(1), orders(1));
        let distinct: std::collections::BTreeSet<_> = orders(1).into_iter().collect();
        assert!(distinct.len() > 10, "{}", distinct.len());
    }
}

#[test]
fn shrinking_finds_the_needle() {
    let all: Vec<Deviation> = (0..40)
        .map(|nth| Deviation {
            thread: 0,
            nth,
            to: 1,
        })
        .collect();
    let needs = |ds: &[Deviation]| ds.iter().any(|d| d.nth == 7) && ds.iter().any(|d| d.nth == 31);
    let mut shrinker = Shrinker::new(all);
    let mut trials = 0;
    while let Some(trial) = shrinker.next_trial() {
        trials += 1;
        shrinker.result(needs(&trial.deviations).then_some(trial.deviations));
    }
    assert_eq!(
        shrinker.best().iter().map(|d| d.nth).collect::<Vec<_>>(),
        [7, 31]
    );
    assert!(trials < 100, "{trials}");
}

#[test]
fn timers_fire_last() {
    let step = |thread, due| Candidate {
        thread,
        object: 0,
        access: Access::None,
        due,
    };
    let pick = |yielding, candidates: &[Candidate]| {
        default_choice(&Decision {
            step: 0,
            current: 1,
            yielding,
            candidates,
        })
    };
    let sleepers = [step(0, Some(20)), step(1, None), step(2, Some(10))];
    assert_eq!(pick(false, &sleepers), 1);
    assert_eq!(pick(true, &sleepers), 1, "a yield does not move the clock");
    let asleep = [step(0, Some(20)), step(2, Some(10))];
    assert_eq!(pick(false, &asleep), 1, "the earliest");
    let all = [step(0, None), step(1, None), step(2, Some(10))];
    assert_eq!(pick(true, &all), 0, "ready threads come first");
    assert_eq!(pick(false, &sleepers[..1]), 0, "nobody else can move");
}

/// A thread that only yields while another has something to do.
#[test]
fn a_yielding_loop_does_not_stop_the_bounded_search() {
    let mut bounded = Bounded::new(1);
    let mut runs = 0;
    // Thread 0 yields until thread 1 has taken its two steps.
    while bounded.begin(runs) {
        let (mut current, mut left, mut spins) = (0, 2, 0);
        for step in 0.. {
            let candidate = |thread| Candidate {
                thread,
                object: 1,
                access: Access::Read,
                due: None,
            };
            let both = [candidate(0), candidate(1)];
            if left == 0 || spins > 50 {
                break;
            }
            let decision = Decision {
                step,
                current,
                yielding: current == 0,
                candidates: &both,
            };
            current = both[bounded.choose(&decision).min(1)].thread;
            match current {
                0 => spins += 1,
                _ => left -= 1,
            }
        }
        assert!(spins < 50, "the loop goes round without end");
        bounded.end(0);
        runs += 1;
        assert!(runs < 100, "{runs} schedules with one preemption");
    }
    assert!(bounded.exhausted() >= Some(1));
}

#[test]
fn a_switch_away_and_back_is_left_out_together() {
    let deviation = |thread, nth, to| Deviation { thread, nth, to };
    let (a, b) = (deviation(0, 1, 1), deviation(1, 4, 2));
    let (away, back) = (deviation(1, 0, 2), deviation(2, 0, 1));
    let mut shrinker = Shrinker::new(vec![a, away, back, b]);
    while let Some(trial) = shrinker.next_trial() {
        let has = |d| trial.deviations.contains(&d);
        let fails = has(a) && has(b) && has(away) == has(back);
        shrinker.result(fails.then_some(trial.deviations));
    }
    assert_eq!(shrinker.best(), [a, b]);
}
