//! A fingerprint survives edits elsewhere, and does not survive a change of
//! what it stands for.

use std::collections::BTreeSet;
use std::sync::Arc;

use conclint_check::{Outcome, Settings, SourceInput, check_sources};
use proptest::prelude::*;

/// Findings of several lints, with functions that have nothing to do with them.
const PROGRAM: &str = "\
use std::sync::{Condvar, Mutex};
pub fn unrelated_before() -> u32 {
    let mut sum = 0;
    for i in 0..3 {
        sum += i;
    }
    sum
}
pub struct Bank {
    accounts: Mutex<Vec<u32>>,
    journal: Mutex<Vec<u32>>,
    ready: Mutex<bool>,
    changed: Condvar,
}
impl Bank {
    pub fn transfer(&self) {
        let mut accounts = self.accounts.lock().unwrap();
        accounts.push(1);
        self.journal.lock().unwrap().push(2);
    }
    pub fn audit(&self) -> usize {
        let journal = self.journal.lock().unwrap();
        let accounts = self.accounts.lock().unwrap();
        journal.len() + accounts.len()
    }
    pub fn twice(&self) -> usize {
        let first = self.accounts.lock().unwrap();
        let second = self.accounts.lock().unwrap();
        first.len() + second.len()
    }
    pub fn wait(&self) {
        let ready = self.ready.lock().unwrap();
        let ready = self.changed.wait(ready).unwrap();
        drop(ready);
    }
    pub fn slow(&self) {
        let accounts = self.accounts.lock().unwrap();
        std::thread::sleep(std::time::Duration::from_secs(1));
        drop(accounts);
    }
}
fn unrelated_after(n: u32) -> u32 {
    unrelated_before() + n
}
pub fn also(n: u32) -> u32 { unrelated_after(n) }
";

fn check(text: &str) -> Outcome {
    let source = SourceInput {
        path: Arc::from("src/lib.rs"),
        text: Arc::from(text),
    };
    check_sources(vec![source], Vec::new(), &Settings::default())
}

fn prints(text: &str) -> BTreeSet<(String, String)> {
    let findings = check(text).findings;
    findings
        .iter()
        .map(|f| (f.rule.to_owned(), f.fingerprint.as_str().to_owned()))
        .collect()
}

fn rules(text: &str) -> BTreeSet<String> {
    prints(text).into_iter().map(|(rule, _)| rule).collect()
}

/// Fingerprints of the findings of one lint.
fn of(rule: &str, text: &str) -> BTreeSet<String> {
    let of_rule = prints(text).into_iter().filter(|(r, _)| r == rule);
    of_rule.map(|(_, print)| print).collect()
}

#[test]
fn the_program_has_findings_of_several_lints() {
    let rules = rules(PROGRAM);
    for rule in [
        "lock-order-inversion",
        "double-lock",
        "wait-without-loop",
        "blocking-under-lock",
    ] {
        assert!(rules.contains(rule), "{rule}: {rules:?}");
    }
}

/// Lines that change nothing, put before some of the lines.
fn inserted(places: &[(usize, usize)]) -> String {
    const LINES: [&str; 4] = ["", "// a remark", "/* two\n lines */", "    "];
    let mut out = String::new();
    for (number, line) in PROGRAM.lines().enumerate() {
        for (_, kind) in places.iter().filter(|(place, _)| *place == number) {
            out.push_str(LINES.get(*kind).copied().unwrap_or_default());
            out.push('\n');
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// The same tokens with other white space.
fn reformatted(indent: usize, breaks: &[bool]) -> String {
    let mut breaks = breaks.iter().cycle();
    let mut out = String::new();
    for line in PROGRAM.lines() {
        out.push_str(&" ".repeat(indent));
        for c in line.trim().chars() {
            out.push(c);
            let may_break = matches!(c, '{' | ';' | ',' | '(');
            if may_break && breaks.next().copied().unwrap_or(false) {
                out.push('\n');
                out.push_str(&" ".repeat(indent));
            }
        }
        out.push('\n');
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn inserted_lines_change_nothing(places in prop::collection::vec((0usize..48, 0usize..4), 0..20)) {
        prop_assert_eq!(prints(&inserted(&places)), prints(PROGRAM));
    }

    #[test]
    fn reformatting_changes_nothing(indent in 0usize..9, breaks in prop::collection::vec(any::<bool>(), 1..30)) {
        prop_assert_eq!(prints(&reformatted(indent, &breaks)), prints(PROGRAM));
    }

    #[test]
    fn renaming_an_unrelated_function_changes_nothing(name in "zq[a-z]{1,10}x") {
        for old in ["unrelated_before", "unrelated_after"] {
            prop_assert_eq!(prints(&PROGRAM.replace(old, &name)), prints(PROGRAM));
        }
    }

    // The names are no words: `try_new` or `setup` would say that the function
    // runs before there are threads, and that is another program.
    #[test]
    fn another_lock_or_function_is_another_finding(name in "zq[a-z]{1,10}x") {
        let cases = [
            ("lock-order-inversion", "journal"),
            ("lock-order-inversion", "audit"),
            ("double-lock", "accounts"),
            ("double-lock", "twice"),
            ("blocking-under-lock", "accounts"),
            ("blocking-under-lock", "slow"),
            ("wait-without-loop", "changed"),
            ("wait-without-loop", "fn wait"),
        ];
        for (rule, old) in cases {
            let new = match old.strip_prefix("fn ") {
                Some(_) => format!("fn {name}"),
                None => name.clone(),
            };
            let changed = PROGRAM.replace(old, &new);
            let (before, after) = (of(rule, PROGRAM), of(rule, &changed));
            prop_assert_eq!(before.len(), after.len(), "{} of {}", rule, old);
            prop_assert!(before.is_disjoint(&after), "{} of {}", rule, old);
        }
    }
}
