//! A progress bar on standard error: on a terminal only, and only when the
//! run takes longer than a second.

use std::io::IsTerminal;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use conclint_check::{NoProgress, Progress, Stage};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const PATIENCE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(100);

/// Shows how far a run is.
struct Bar(ProgressBar);

impl Progress for Bar {
    fn stage(&self, stage: Stage) {
        let text = match stage {
            Stage::Finding => "looking for files",
            Stage::Reading { files } => {
                self.0.set_length(files as u64);
                "reading"
            }
            Stage::Parsing => "parsing",
            Stage::Linking => "following locks through calls",
            Stage::Linting => "looking for bugs",
        };
        self.0.set_message(text);
    }

    fn file_read(&self) {
        self.0.inc(1);
    }
}

/// Runs `work` and shows its progress, if anyone can see it.
pub(crate) fn with_bar<R>(work: impl FnOnce(&dyn Progress) -> R) -> R {
    if !std::io::stderr().is_terminal() {
        return work(&NoProgress);
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} {msg}, {pos} of {len} files read, {elapsed}")
    {
        bar.set_style(style);
    }
    let bar = Bar(bar);
    thread::scope(|scope| {
        // The sending half ends the bar by going away, also in a panic.
        let (_alive, gone) = mpsc::channel();
        scope.spawn(|| show_when_slow(&bar, gone));
        work(&bar)
    })
}

fn show_when_slow(bar: &Bar, gone: Receiver<()>) {
    let start = Instant::now();
    let mut shown = false;
    while let Err(RecvTimeoutError::Timeout) = gone.recv_timeout(TICK) {
        if !shown && start.elapsed() >= PATIENCE {
            bar.0.set_draw_target(ProgressDrawTarget::stderr());
            shown = true;
        }
        bar.0.tick();
    }
    bar.0.finish_and_clear();
}
