//! What was missed of real bugs that nobody had read (`fixtures/real-bugs`).

use conclint_diag::Finding;
use conclint_facts::Analysis;
use conclint_lints::{Level, Settings, find};
use conclint_rust::{Input, ManifestInput, SourceInput};

mod maps;
mod spawned;
mod wrapped;

/// What `rule` finds in `code`, a library with these dependencies.
fn findings(rule: &str, dependencies: &str, code: &str) -> Vec<Finding> {
    let input = Input {
        sources: vec![SourceInput {
            path: "src/lib.rs".into(),
            text: code.into(),
        }],
        manifests: vec![ManifestInput {
            dir: String::new(),
            text: format!(
                "[package]\nname = \"blind\"\nedition = \"2021\"\n[dependencies]\n{dependencies}"
            ),
        }],
        ..Input::default()
    };
    let analysis = Analysis::of(conclint_rust::read(input).0);
    let settings = Settings {
        lints: find(rule).into_iter().collect(),
        level: Level::Default,
        ..Settings::default()
    };
    conclint_lints::run(&analysis, &settings)
}

/// The line of its last step.
fn last_line(finding: &Finding) -> Option<u32> {
    Some(finding.paths.first()?.steps.last()?.span.line)
}
