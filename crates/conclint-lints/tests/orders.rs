//! Lock orders from the configuration, and what a run promises.

use conclint_facts::Analysis;
use conclint_lints::{Level, Settings, find};
use conclint_rust::{Input, SourceInput};

const REGISTRY: &str = "
use std::sync::Mutex;

pub struct Registry {
    users: Mutex<u32>,
    sessions: Mutex<u32>,
    log: Mutex<u32>,
}

impl Registry {
    pub fn login(&self) {
        let sessions = self.sessions.lock().unwrap();
        *self.users.lock().unwrap() += *sessions;
    }

    pub fn note(&self) {
        let users = self.users.lock().unwrap();
        *self.log.lock().unwrap() += *users;
    }

    pub fn again(&self) -> u32 {
        *self.log.lock().unwrap() + *self.log.lock().unwrap()
    }

    pub fn once_more(&self) -> u32 {
        let _ = *self.log.lock().unwrap() + *self.log.lock().unwrap();
        *self.log.lock().unwrap() + *self.log.lock().unwrap()
    }
}
";

fn analyse(text: &str) -> Analysis {
    let sources = vec![SourceInput {
        path: "registry.rs".into(),
        text: text.into(),
    }];
    let input = Input {
        sources,
        ..Input::default()
    };
    Analysis::of(conclint_rust::read(input).0)
}

fn with_orders(orders: &[&[&str]]) -> Settings {
    let lints = find("declared-order-violated").into_iter().collect();
    let orders = orders
        .iter()
        .map(|order| order.iter().map(|name| (*name).to_owned()).collect())
        .collect();
    Settings {
        lints,
        orders,
        level: Level::Grading,
        excuses: true,
    }
}

#[test]
fn an_order_of_the_configuration_is_kept_or_broken() {
    let analysis = analyse(REGISTRY);
    let lines = |orders: &[&[&str]]| -> Vec<u32> {
        let findings = conclint_lints::run(&analysis, &with_orders(orders));
        findings
            .iter()
            .filter_map(|f| Some(f.paths.first()?.steps.last()?.span.line))
            .collect()
    };
    assert_eq!(lines(&[]), [] as [u32; 0]);
    assert_eq!(lines(&[&["sessions", "users", "log"]]), [] as [u32; 0]);
    assert_eq!(lines(&[&["users", "sessions"]]), [13]);
    assert_eq!(
        lines(&[&["Registry.log", "Registry.users", "Registry.sessions"]]),
        [13, 18]
    );
    assert_eq!(lines(&[&["nobody", "knows"]]), [] as [u32; 0]);
}

#[test]
fn the_message_names_both_locks_and_the_order() {
    let analysis = analyse(REGISTRY);
    let findings = conclint_lints::run(&analysis, &with_orders(&[&["users", "sessions"]]));
    let [finding] = findings.as_slice() else {
        panic!("{findings:?}")
    };
    for part in [
        "`Registry.users`",
        "`Registry.sessions`",
        "users -> sessions",
        "the configuration",
    ] {
        assert!(
            finding.message.contains(part),
            "{part} is missing: {}",
            finding.message
        );
    }
}

#[test]
fn no_two_findings_share_a_fingerprint() {
    let findings = conclint_lints::run(&analyse(REGISTRY), &Settings::at_level(Level::Grading));
    assert!(findings.len() >= 3, "{findings:?}");
    let mut prints: Vec<&str> = findings
        .iter()
        .map(|finding| finding.fingerprint.as_str())
        .collect();
    prints.sort_unstable();
    prints.dedup();
    assert_eq!(prints.len(), findings.len());
}

#[test]
fn fingerprints_survive_new_lines_above() {
    let prints = |text: &str| -> Vec<String> {
        let findings = conclint_lints::run(&analyse(text), &Settings::at_level(Level::Grading));
        findings
            .iter()
            .map(|finding| finding.fingerprint.to_string())
            .collect()
    };
    assert_eq!(
        prints(REGISTRY),
        prints(&format!("\n\n// moved down\n{REGISTRY}"))
    );
}

#[test]
fn only_the_selected_lints_run() {
    let settings = Settings {
        lints: find("CL102").into_iter().collect(),
        orders: vec![],
        level: Level::Grading,
        excuses: true,
    };
    let findings = conclint_lints::run(&analyse(REGISTRY), &settings);
    assert!(!findings.is_empty() && findings.iter().all(|finding| finding.code == "CL102"));
}
