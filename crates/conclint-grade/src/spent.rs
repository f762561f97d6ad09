//! Where the time of a run goes. For people who wait; no mark and no file depends on it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// What takes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The safety gate and the lints.
    Lint,
    /// The submission becomes a library.
    Library,
    /// The hidden tests are compiled against it and linked.
    Tests,
    /// Hidden tests run once.
    Once,
    /// Hidden tests are explored.
    Explore,
}

const PHASES: [(Phase, &str); 5] = [
    (Phase::Lint, "gate and lints"),
    (Phase::Library, "compiling submissions"),
    (Phase::Tests, "compiling hidden tests"),
    (Phase::Once, "tests once"),
    (Phase::Explore, "exploring"),
];

/// Time by phase, summed over all workers.
#[derive(Debug, Default)]
pub struct Spent([AtomicU64; PHASES.len()]);

impl Spent {
    /// Does `work` and counts its time.
    pub fn on<R>(&self, phase: Phase, work: impl FnOnce() -> R) -> R {
        let began = Instant::now();
        let result = work();
        let time = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        if let Some(at) = PHASES.iter().position(|(p, _)| *p == phase) {
            self.0[at].fetch_add(time, Ordering::Relaxed);
        }
        result
    }
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for ((_, name), time) in PHASES.iter().zip(&self.0) {
            if !std::mem::take(&mut first) {
                f.write_str(", ")?;
            }
            let tenths = time.load(Ordering::Relaxed) / 100_000;
            write!(f, "{name} {}.{} s", tenths / 10, tenths % 10)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_is_named() {
        let spent = Spent::default();
        assert_eq!(spent.on(Phase::Explore, || 7), 7);
        let text = spent.to_string();
        assert_eq!(
            text.matches(" s").count() - text.matches(" submissions").count(),
            5
        );
    }
}
