//! Jobs for a test binary over its private channel, for graders that build and start binaries
//! themselves, in a sandbox.
//!
//! Pure: gives the bytes for the binary's standard input and reads the bytes of its standard
//! output. What is not stamped with the nonce does not count, and only the `end` record says that
//! nothing is missing. No job looks at the clock.

use std::fmt::Write as _;
use std::path::Path;

use crate::answer::TestResult;
use crate::runtime::Runtime;

/// The value of `CONCLINT_JOB` that makes a test binary take jobs from its private channel.
pub const PRIVATE_CHANNEL: &str = "-";

/// What to do with a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The test's whole name.
    pub test: String,
    /// Steps of one execution before a fair scheduler takes over.
    pub max_steps: u64,
    /// Explore, or run one schedule.
    pub mode: JobMode,
}

/// Kinds of jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobMode {
    /// Explores the test.
    Explore {
        /// As on the command line.
        strategy: String,
        /// Where the random strategies begin.
        seed: u64,
        /// Schedules at most.
        schedules: u64,
    },
    /// Runs one schedule: the default one with these deviations. No deviations: the test runs
    /// once.
    Replay {
        /// Settings of the execution.
        flags: u64,
        /// Thread, which of its decisions, and who runs instead.
        deviations: Vec<(u32, u32, u32)>,
    },
}

/// What came back.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// By job; `None` where there is no such test or the answer is missing.
    pub results: Vec<Option<TestResult>>,
    /// The `end` record was there.
    pub complete: bool,
    /// An answer was there that says nothing.
    pub unread: bool,
}

/// What the binary reads. Its virtual clocks begin at `clock`, in milliseconds since 1970.
#[must_use]
pub fn encode(nonce: &str, clock: u64, jobs: &[Job]) -> Vec<u8> {
    let mut text = format!("nonce {nonce}\n");
    for (number, job) in jobs.iter().enumerate() {
        if number > 0 {
            text.push_str("next\n");
        }
        let mode = match &job.mode {
            JobMode::Explore { .. } => "explore",
            JobMode::Replay { .. } => "replay",
        };
        let _ = write!(
            text,
            "mode {mode}\ntest {}\nmax-steps {}\ntime-ms 0\nclock-ms {clock}\n",
            job.test, job.max_steps
        );
        let _ = match &job.mode {
            JobMode::Explore {
                strategy,
                seed,
                schedules,
            } => writeln!(
                text,
                "strategy {strategy}\nseed {seed}\nschedules {schedules}"
            ),
            JobMode::Replay { flags, deviations } => {
                let lines = deviations
                    .iter()
                    .map(|(thread, nth, to)| format!("deviation {thread} {nth} {to}\n"));
                write!(text, "flags {flags}\n{}", lines.collect::<String>())
            }
        };
    }
    text.into_bytes()
}

/// Reads what the binary wrote in answer to `count` jobs.
#[must_use]
pub fn decode(nonce: &str, bytes: &[u8], count: usize) -> Answers {
    let mut answers = Answers {
        results: vec![None; count],
        ..Answers::default()
    };
    for line in bytes.split(|b| *b == b'\n') {
        let stamped = line
            .strip_prefix(nonce.as_bytes())
            .and_then(|l| l.strip_prefix(b" "));
        let Some(text) = stamped.and_then(|l| str::from_utf8(l).ok()) else {
            continue;
        };
        if text == "end" {
            answers.complete = true;
        } else if let Some((number, json)) = text.split_once(' ')
            && let Ok(number) = number.parse::<usize>()
            && let Some(slot) = answers.results.get_mut(number)
        {
            *slot = serde_json::from_str(json).ok();
            answers.unread |= slot.is_none();
        }
    }
    answers
}

impl Runtime {
    /// What rustc needs to build a crate on this runtime, with the test harness or without.
    #[must_use]
    pub fn rustc_arguments(&self, harness: bool) -> Vec<String> {
        let assign = |name: &str, path: &Path| format!("{name}={}", path.display());
        let mut arguments = vec![
            "--target".to_owned(),
            self.host.clone(),
            "--extern".to_owned(),
            assign("std", &self.std),
            "--extern".to_owned(),
            assign("core", &self.core),
        ];
        if harness {
            arguments.extend(["--extern".to_owned(), assign("test", &self.test)]);
        }
        arguments.extend(["-L".to_owned(), assign("dependency", &self.deps)]);
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(test: &str) -> String {
        format!(
            "{{\"test\":\"{test}\",\"verdict\":\"passed\",\"reason\":\"\",\"executions\":1,\
             \"steps\":1,\"distinct\":1,\"exhausted\":null,\"max_steps\":1,\"milliseconds\":1,\
             \"fresh_process\":\"\",\"failure\":null}}"
        )
    }

    #[test]
    fn jobs_as_text() {
        let explore = Job {
            test: "a".to_owned(),
            max_steps: 7,
            mode: JobMode::Explore {
                strategy: "pct".to_owned(),
                seed: 3,
                schedules: 10,
            },
        };
        let replay = Job {
            mode: JobMode::Replay {
                flags: 1,
                deviations: vec![(0, 2, 1)],
            },
            ..explore.clone()
        };
        assert_eq!(
            String::from_utf8_lossy(&encode("n", 5, &[explore, replay])),
            "nonce n\nmode explore\ntest a\nmax-steps 7\ntime-ms 0\nclock-ms 5\nstrategy pct\nseed 3\n\
             schedules 10\nnext\nmode replay\ntest a\nmax-steps 7\ntime-ms 0\nclock-ms 5\nflags 1\n\
             deviation 0 2 1\n"
        );
    }

    #[test]
    fn only_stamped_lines_count() {
        let text = format!(
            "noise\nn 1 {}\nx 0 {}\n0 {}\nn 9 {}\nn 0 {{}}\nend\n",
            passed("b"),
            passed("forged"),
            passed("forged"),
            passed("out of range"),
        );
        let answers = decode("n", text.as_bytes(), 2);
        assert!(answers.results[0].is_none());
        assert_eq!(
            answers.results[1].as_ref().map(|r| r.test.as_str()),
            Some("b")
        );
        assert!(!answers.complete, "an `end` without the nonce is none");
        assert!(answers.unread, "the answer `{{}}` says nothing");
        let whole = format!("n 0 {}\n", passed("a"));
        assert!(!decode("n", whole.as_bytes(), 1).unread);
        assert!(decode("n", b"n end\n", 0).complete);
    }
}
