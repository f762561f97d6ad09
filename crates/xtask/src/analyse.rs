//! The in-memory check, as measuring uses it.

use std::sync::Arc;

use conclint_check::{ManifestInput, Outcome, Settings, SourceInput, check_sources};
use conclint_diag::{Confidence, Finding, Step};
use conclint_lints::Level;

use crate::mirror::Tree;

/// Everything the analyser can say: all levels that teach, the least sure
/// findings, test code included.
pub fn everything() -> Settings {
    Settings {
        level: Level::Pedantic,
        min_confidence: Confidence::Low,
        include_tests: true,
        ..Settings::default()
    }
}

/// Checks a tree.
pub fn check_tree(tree: &Tree, settings: &Settings) -> Outcome {
    let mut sources = Vec::new();
    let mut manifests = Vec::new();
    for file in &tree.files {
        let text = String::from_utf8_lossy(&file.bytes);
        match file.path.strip_suffix("Cargo.toml") {
            Some(dir) => manifests.push(ManifestInput {
                dir: dir.trim_end_matches('/').to_owned(),
                text: text.into_owned(),
            }),
            None => sources.push(SourceInput {
                path: Arc::from(file.path.as_str()),
                text: Arc::from(text),
            }),
        }
    }
    check_sources(sources, manifests, settings)
}

/// A finding in few lines: the head, then one line for each path.
pub fn brief(finding: &Finding) -> String {
    let mut text = format!(
        "{} {} {} ({}) {}",
        finding.code, finding.rule, finding.severity, finding.confidence, finding.fingerprint
    );
    for trace in &finding.paths {
        text.push_str("\n      ");
        let steps: Vec<String> = trace.steps.iter().map(brief_step).collect();
        text.push_str(&steps.join(" > "));
    }
    text
}

fn brief_step(step: &Step) -> String {
    let object = if step.object.is_empty() {
        String::new()
    } else {
        format!(" {}", step.object)
    };
    format!(
        "{}:{} {} [{}{object}]",
        step.span.file,
        step.span.line,
        step.function,
        step.role.as_str()
    )
}
