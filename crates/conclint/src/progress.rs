//! A progress bar on standard error: on a terminal only, and only when the
//! run takes longer than a second.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anstream::ColorChoice;
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

/// Where nobody sees a bar: only what takes long and is not expected.
struct Notices(ColorChoice);

impl conclint_explore::Progress for Notices {
    fn notice(&self, what: &str) {
        crate::say(self.0, what);
    }
}

/// Shows how an exploration goes: tests done, schedules a second.
struct ExploreBar {
    color: ColorChoice,
    bar: ProgressBar,
    schedules: AtomicU64,
    since: Mutex<Option<Instant>>,
}

impl conclint_explore::Progress for ExploreBar {
    fn notice(&self, what: &str) {
        crate::say(self.color, what);
    }

    fn exploring(&self) {
        // Until now, cargo and rustc wrote to the same terminal.
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
    }

    fn watched(&self) -> bool {
        true
    }

    fn tests(&self, count: usize) {
        self.bar.set_length(count as u64);
        if let Ok(mut since) = self.since.lock() {
            *since = Some(Instant::now());
        }
    }

    fn test(&self, name: &str) {
        self.bar
            .set_message(conclint_report::one_line(name).into_owned());
    }

    fn schedules(&self, more: u64) {
        let all = self.schedules.fetch_add(more, Ordering::Relaxed) + more;
        let since = self.since.lock().ok().and_then(|s| *s);
        let seconds = since.map_or(0.0, |s| s.elapsed().as_secs_f64());
        if seconds > 0.0 {
            // Only shown: a rounded rate is as good as an exact one.
            let rate = all as f64 / seconds;
            self.bar
                .set_prefix(format!("{all} schedules, {rate:.0} a second"));
        }
    }

    fn test_done(&self) {
        self.bar.inc(1);
    }
}

/// Runs `work` and shows how it goes, if anyone can see it.
pub(crate) fn while_exploring<R>(
    color: ColorChoice,
    work: impl FnOnce(&dyn conclint_explore::Progress) -> R,
) -> R {
    if !std::io::stderr().is_terminal() {
        return work(&Notices(color));
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} {pos} of {len} tests  {prefix}  {wide_msg}")
    {
        bar.set_style(style);
    }
    let bar = ExploreBar {
        color,
        bar,
        schedules: AtomicU64::new(0),
        since: Mutex::new(None),
    };
    thread::scope(|scope| {
        // The sending half ends the bar by going away, also in a panic.
        let (_alive, gone) = mpsc::channel();
        scope.spawn(|| tick(&bar.bar, gone));
        work(&bar)
    })
}

fn tick(bar: &ProgressBar, gone: Receiver<()>) {
    while let Err(RecvTimeoutError::Timeout) = gone.recv_timeout(TICK) {
        bar.tick();
    }
    bar.finish_and_clear();
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
