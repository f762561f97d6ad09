//! What `conclint grade run` shows while it runs: how many submissions are done, and who takes long.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anstream::ColorChoice;
use conclint_grade::batch::Step;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::say;

/// A submission that takes so long is named while it is looked at.
const LONG: Duration = Duration::from_secs(10);
/// One that took so long is named for good.
const VERY_LONG: Duration = Duration::from_secs(60);

/// Who is being looked at, and since when.
#[derive(Debug, Default)]
struct Working(Mutex<BTreeMap<String, Instant>>);

impl Working {
    fn begins(&self, id: &str) {
        let mut working = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        working.insert(id.to_owned(), Instant::now());
    }

    /// How long it took.
    fn ends(&self, id: &str) -> Duration {
        let mut working = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let began = working.remove(id);
        began.map_or(Duration::ZERO, |began| began.elapsed())
    }

    /// Those that take long at this moment, the longest first.
    fn long(&self, now: Instant) -> String {
        let working = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = |began: &Instant| now.saturating_duration_since(*began);
        let mut long: Vec<(Duration, &str)> = working
            .iter()
            .map(|(id, began)| (since(began), id.as_str()))
            .filter(|(time, _)| *time >= LONG)
            .collect();
        long.sort_by(|a, b| b.cmp(a));
        let mut out = String::new();
        for (time, id) in long {
            let _ = write!(out, ", {id} for {} s", time.as_secs());
        }
        out
    }
}

/// The progress of a run.
pub(crate) struct Judging {
    bar: ProgressBar,
    working: Arc<Working>,
    color: ColorChoice,
}

impl Judging {
    /// A bar on a terminal, with the time left and who takes long; elsewhere only lines about those
    /// that took very long.
    pub(crate) fn new(color: ColorChoice) -> Self {
        let working = Arc::new(Working::default());
        let bar = ProgressBar::new(0);
        if !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let template = "{bar:30} {pos} of {len}, {eta} left{long}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            let seen = working.clone();
            let long = move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
                // What cannot be drawn now is drawn a moment later.
                let _ = out.write_str(&seen.long(Instant::now()));
            };
            bar.set_style(style.with_key("long", long));
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Judging {
            bar,
            working,
            color,
        }
    }

    /// A worker begins with a submission or is done with one.
    pub(crate) fn step(&self, step: Step<'_>) {
        match step {
            Step::Begins(id) => self.working.begins(id),
            Step::Ends(id, done, of) => {
                self.bar.set_length(of as u64);
                self.bar.set_position(done as u64);
                let took = self.working.ends(id);
                if took >= VERY_LONG {
                    let line = format!("{id} took {} s", took.as_secs());
                    self.bar.suspend(|| say(self.color, &line));
                }
            }
        }
    }

    /// The run is over.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_long_is_named() {
        let working = Working::default();
        working.begins("ann");
        working.begins("bob");
        let now = Instant::now();
        assert_eq!(working.long(now), "");
        let later = now + Duration::from_secs(43);
        assert!(working.long(later).contains("ann for 43 s"));
        assert!(working.ends("bob") < LONG);
        assert!(!working.long(later).contains("bob"));
    }
}
