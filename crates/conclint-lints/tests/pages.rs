//! The pages are the tests of the lints.
//!
//! Every ```` ```rust ```` block of a `lint.md` is a whole program. It is run
//! through the front end, the analysis and **all** lints, and must compile.
//!
//! A mark `//~ lint-name` at the end of a line says that this lint fires
//! there: a finding's first path ends on a marked line, and no mark stands on
//! a line where no path of such a finding ends. A block without marks stays
//! silent. Findings of low confidence do not count, as for the user.
//!
//! Words after `rust`, set off by commas: `edition2021`, `edition2024` (the
//! default), `low` (low confidence counts), `crates=a+b` (needs crates, so it
//! is not compiled here).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use conclint_diag::{Confidence, Finding};
use conclint_facts::Analysis;
use conclint_lints::{Level, Lint, Settings, registry};
use conclint_rust::{Input, ManifestInput, SourceInput};

/// The front end walks nested code recursively.
const STACK: usize = 32 << 20;

/// A program in a page.
struct Block {
    /// Line of the page its fence stands on.
    line: usize,
    edition: &'static str,
    low: bool,
    needs_crates: bool,
    code: String,
}

impl Block {
    fn new(line: usize, info: &str) -> Self {
        let mut block = Block {
            line,
            edition: "2024",
            low: false,
            needs_crates: false,
            code: String::new(),
        };
        for word in info.split(',').skip(1) {
            match word.trim() {
                "edition2021" => block.edition = "2021",
                "edition2024" => block.edition = "2024",
                "low" => block.low = true,
                crates if crates.starts_with("crates=") => block.needs_crates = true,
                other => panic!("line {line}: `{other}` means nothing here"),
            }
        }
        block
    }

    /// Marked lines of the program, from 1, with the lint's name.
    fn marks(&self) -> BTreeSet<(u32, String)> {
        let mut marks = BTreeSet::new();
        for (line, text) in (1..).zip(self.code.lines()) {
            if let Some((_, names)) = text.split_once("//~") {
                marks.extend(names.split_whitespace().map(|name| (line, name.to_owned())));
            }
        }
        marks
    }

    fn run(&self) -> Vec<Finding> {
        let manifest = format!(
            "[package]\nname = \"example\"\nedition = \"{}\"\n",
            self.edition
        );
        let input = Input {
            sources: vec![SourceInput {
                path: "src/main.rs".into(),
                text: self.code.as_str().into(),
            }],
            manifests: vec![ManifestInput {
                dir: String::new(),
                text: manifest,
            }],
            ..Input::default()
        };
        let analysis = Analysis::of(conclint_rust::read(input).0);
        let mut findings = conclint_lints::run(&analysis, &Settings::at_level(Level::Grading));
        if !self.low {
            findings.retain(|finding| finding.confidence > Confidence::Low);
        }
        findings
    }
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (line, text) in (1..).zip(page.lines()) {
        match (&mut open, text.strip_prefix("```")) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.code.push_str(text);
                block.code.push('\n');
            }
            (None, Some(info)) => {
                assert!(
                    info.starts_with("rust"),
                    "line {line}: a block of another language"
                );
                open = Some(Block::new(line, info));
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "the last block is not closed");
    blocks
}

/// What is wrong with what the lints say of this block; empty when nothing is.
fn complaints(block: &Block, findings: &[Finding]) -> String {
    let marks = block.marks();
    let mut text = String::new();
    let mut ends = BTreeSet::new();
    for finding in findings {
        for (i, path) in finding.paths.iter().enumerate() {
            let Some(step) = path.steps.last() else {
                continue;
            };
            let end = (step.span.end_line, finding.rule.to_owned());
            let start = (step.span.line, finding.rule.to_owned());
            if i == 0 && !marks.contains(&end) && !marks.contains(&start) {
                let _ = writeln!(
                    text,
                    "  line {}: not marked, but there is\n{}",
                    start.0,
                    show(finding)
                );
            }
            ends.extend([start, end]);
        }
    }
    for (line, name) in marks.difference(&ends) {
        let _ = writeln!(text, "  line {line}: marked `{name}`, but silent");
    }
    text
}

fn show(finding: &Finding) -> String {
    let mut text = format!(
        "    {} [{}, {}]: {}\n",
        finding.rule, finding.severity, finding.confidence, finding.message
    );
    for path in &finding.paths {
        let _ = writeln!(text, "      {}", path.title);
        for step in &path.steps {
            let _ = writeln!(
                text,
                "        {}:{} {}: {}",
                step.span.line, step.span.column, step.function, step.what
            );
        }
    }
    text
}

fn numbered(code: &str) -> String {
    (1..)
        .zip(code.lines())
        .map(|(n, line)| format!("  {n:3} | {line}\n"))
        .collect()
}

/// Runs `test` where there is stack enough.
fn with_stack(test: fn()) {
    let thread = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(test)
        .expect("a thread starts");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

fn for_each_block(mut visit: impl FnMut(&Lint, &Block) -> String) {
    let mut text = String::new();
    for lint in registry() {
        for block in blocks(lint.page) {
            let complaints = visit(lint, &block);
            if !complaints.is_empty() {
                let _ = writeln!(
                    text,
                    "\n{}: the block at line {} of its page\n{}{}",
                    lint.name,
                    block.line,
                    numbered(&block.code),
                    complaints
                );
            }
        }
    }
    assert!(text.is_empty(), "{text}");
}

#[test]
fn examples_fire_where_they_are_marked() {
    with_stack(|| for_each_block(|_, block| complaints(block, &block.run())));
}

#[test]
fn examples_compile() {
    let dir = tempfile::tempdir().expect("a directory");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    for_each_block(|_, block| {
        if block.needs_crates {
            return String::new();
        }
        let source = dir.path().join("main.rs");
        fs::write(&source, &block.code).expect("the example can be written");
        let output = Command::new(&rustc)
            .args([
                "--edition",
                block.edition,
                "--emit=metadata",
                "--cap-lints=allow",
                "--crate-name=example",
            ])
            .arg("--out-dir")
            .arg(dir.path())
            .arg(&source)
            .output()
            .expect("rustc runs");
        if output.status.success() {
            String::new()
        } else {
            String::from_utf8_lossy(&output.stderr).into_owned()
        }
    });
}

#[test]
fn every_page_is_complete() {
    for lint in registry() {
        let page = lint.page;
        assert!(
            page.starts_with(&format!("# {} ({})\n", lint.name, lint.code)),
            "{}: the title",
            lint.name
        );
        let sections = [
            "## What it finds",
            "## Why it hurts",
            "## Example",
            "## Write this instead",
            "## Known limits",
        ];
        let mut from = 0;
        for section in sections {
            let at = page
                .get(from..)
                .and_then(|rest| rest.find(&format!("\n{section}\n")));
            let Some(at) = at else {
                panic!("{}: no section `{section}`, or out of order", lint.name)
            };
            from += at + section.len();
        }
        assert!(
            !page.contains("FILL IN") && !lint.summary.contains("FILL IN"),
            "{}: something is to be filled in",
            lint.name
        );
        let marked: Vec<bool> = blocks(page)
            .iter()
            .map(|block| !block.marks().is_empty())
            .collect();
        assert!(marked.contains(&true), "{}: no example fires", lint.name);
        assert!(
            marked.contains(&false),
            "{}: no example is clean",
            lint.name
        );
        let own = |block: &Block| block.marks().iter().any(|(_, name)| name == lint.name);
        assert!(
            blocks(page).first().is_some_and(own),
            "{}: the first example must fire",
            lint.name
        );
        assert!(
            page.lines().all(|line| !line.contains('\t')),
            "{}: tabs print badly",
            lint.name
        );
    }
}

#[test]
fn the_registry_lists_every_folder() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let folders: BTreeSet<String> = fs::read_dir(src)
        .expect("the sources can be listed")
        .map(|entry| entry.expect("an entry").path())
        .filter(|folder| folder.join("lint.md").is_file())
        .filter_map(|folder| Some(folder.file_name()?.to_str()?.replace('_', "-")))
        .collect();
    let listed: BTreeSet<String> = registry().iter().map(|lint| lint.name.to_owned()).collect();
    assert_eq!(listed, folders, "run `cargo xtask codegen`");
}
