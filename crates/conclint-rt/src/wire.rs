//! The job a test binary is given and the lines it answers with.
//!
//! The runtime has no dependency for JSON: it is linked into foreign programs, where every crate
//! more is built once more. It only writes, and only a few shapes.

use std::fmt::Write as _;
use std::path::PathBuf;

use conclint_schedule::{Deviation, Mix};

/// What the parent asks for, as `key value` lines of the file named by `CONCLINT_JOB`.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub mode: Mode,
    pub out: PathBuf,
    /// Where the number of schedules is written while they run.
    pub count: Option<PathBuf>,
    /// The directory for temporary files, which is this job's alone.
    pub temp: Option<PathBuf>,
    /// The process that waits for the answer; without it the work is in vain.
    pub parent: Option<i32>,
    pub test: String,
    pub seed: u64,
    pub schedules: u64,
    pub time_ms: u64,
    /// Where the virtual clocks begin, in milliseconds since 1970, where it is not the usual time.
    pub clock: Option<u64>,
    pub max_steps: u64,
    pub mix: Mix,
    pub flags: u64,
    /// No timeout fires while others can move.
    pub late: bool,
    pub deviations: Vec<Deviation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    List,
    Explore,
    Replay,
}

impl Job {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut job = Self {
            mode: Mode::List,
            out: PathBuf::new(),
            count: None,
            temp: None,
            parent: None,
            test: String::new(),
            seed: 0,
            schedules: 1000,
            time_ms: 10_000,
            clock: None,
            max_steps: 100_000,
            mix: Mix::Portfolio,
            flags: 0,
            late: false,
            deviations: Vec::new(),
        };
        for line in text.lines() {
            let (key, value) = line.split_once(' ')?;
            match key {
                "mode" => {
                    job.mode = match value {
                        "list" => Mode::List,
                        "explore" => Mode::Explore,
                        "replay" => Mode::Replay,
                        _ => return None,
                    };
                }
                "out" => job.out = PathBuf::from(value),
                "parent" => job.parent = value.parse().ok(),
                "temp" => job.temp = Some(PathBuf::from(value)),
                "count" => job.count = Some(PathBuf::from(value)),
                "test" => value.clone_into(&mut job.test),
                "seed" => job.seed = value.parse().ok()?,
                "schedules" => job.schedules = value.parse().ok()?,
                "time-ms" => job.time_ms = value.parse().ok()?,
                "clock-ms" => job.clock = Some(value.parse().ok()?),
                "max-steps" => job.max_steps = value.parse().ok()?,
                "flags" => job.flags = value.parse().ok()?,
                "timeouts" => job.late = value == "due",
                "strategy" => {
                    job.mix = match value {
                        "portfolio" => Mix::Portfolio,
                        "random" => Mix::Random,
                        "pct" => Mix::Pct,
                        "pos" => Mix::Pos,
                        "bounded" => Mix::Bounded(2),
                        "exhaustive" => Mix::Bounded(u32::MAX),
                        other => Mix::Bounded(other.strip_prefix("bounded ")?.parse().ok()?),
                    };
                }
                "deviation" => {
                    let mut numbers = value.split(' ').map(str::parse::<u32>);
                    job.deviations.push(Deviation {
                        thread: numbers.next()?.ok()?,
                        nth: numbers.next()?.ok()?,
                        to: numbers.next()?.ok()?,
                    });
                }
                _ => return None,
            }
        }
        Some(job)
    }
}

/// Text as a JSON string.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if u32::from(c) < 0x20 || c == '\u{7f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A JSON object under construction.
#[derive(Default)]
pub(crate) struct Object(String);

impl Object {
    /// Adds a member whose value is JSON already.
    pub(crate) fn raw(mut self, key: &str, value: impl std::fmt::Display) -> Self {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        let _ = write!(self.0, "\"{key}\":{value}");
        self
    }

    pub(crate) fn text(self, key: &str, value: &str) -> Self {
        let value = quote(value);
        self.raw(key, value)
    }

    pub(crate) fn end(mut self) -> String {
        if self.0.is_empty() {
            self.0.push('{');
        }
        self.0.push('}');
        self.0
    }
}

/// A JSON array of values that are JSON already.
pub(crate) fn array(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    format!("[{}]", items.join(","))
}
