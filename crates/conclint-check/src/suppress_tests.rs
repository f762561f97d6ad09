//! Each test is a piece of source and the lines on which a finding is hidden.

use super::*;

/// A finding with one step.
pub(crate) fn finding(rule: &'static str, file: &str, line: u32) -> Finding {
    let span = Span {
        file: Arc::from(file),
        line,
        column: 1,
        end_line: line,
        end_column: 2,
    };
    let step = Step {
        span,
        function: String::new(),
        role: Role::Hold,
        object: String::new(),
        what: String::new(),
    };
    Finding {
        rule,
        code: "CL102",
        severity: Severity::Error,
        confidence: Confidence::High,
        message: String::new(),
        paths: vec![Trace {
            title: String::new(),
            steps: vec![step],
        }],
        help: Vec::new(),
        fingerprint: Fingerprint::of([rule, file, &line.to_string()]),
        in_test: false,
        suppressed: None,
    }
}

fn read(text: &str) -> (Directives, Vec<Problem>) {
    Directives::of(&[(Arc::from("a.rs"), Arc::from(text))])
}

/// Lines of `text` on which `double-lock` is suppressed, with the reasons.
fn hidden(text: &str) -> Vec<(u32, String)> {
    hidden_of("double-lock", text)
}

fn hidden_of(rule: &'static str, text: &str) -> Vec<(u32, String)> {
    let (mut directives, problems) = read(text);
    assert_eq!(problems, []);
    let lines = u32::try_from(text.lines().count()).unwrap();
    let mut findings: Vec<_> = (1..=lines)
        .map(|line| finding(rule, "a.rs", line))
        .collect();
    assert_eq!(directives.apply(&mut findings, false), []);
    findings
        .into_iter()
        .filter_map(|f| Some((f.primary().line, f.suppressed.clone()?)))
        .collect()
}

fn lines(text: &str) -> Vec<u32> {
    hidden(text).into_iter().map(|(line, _)| line).collect()
}

#[test]
fn on_the_line() {
    assert_eq!(
        hidden("fn f() {\n    a(); // conclint: allow(double-lock) it is fine\n    b();\n}\n"),
        [(2, "it is fine".to_owned())]
    );
}

#[test]
fn directly_above_over_comments_and_attributes() {
    let text = "fn f() {\n// conclint: allow(double-lock): fine\n// more\n#[rustfmt::skip]\na();\nb();\n}\n";
    assert_eq!(lines(text), [2, 3, 4, 5]);
    assert_eq!(
        lines("fn f() {\n// conclint: allow(double-lock)\n\na();\n}\n"),
        [2],
        "a blank line stands between"
    );
}

#[test]
fn above_a_statement_of_several_lines() {
    let text =
        "fn f() {\n// conclint: allow(double-lock)\nlet a = self\n  .b\n  .lock();\nc();\n}\n";
    assert_eq!(lines(text), [2, 3, 4, 5]);
    let text =
        "fn f() {\n// conclint: allow(double-lock)\nif let Some(x) = m.lock() {\n  c();\n}\n}\n";
    assert_eq!(lines(text), [2, 3], "the block is not covered");
}

#[test]
fn at_the_top_it_covers_the_file() {
    assert_eq!(
        lines("//! Doc.\n#![warn(x)]\n// conclint: allow(double-lock) old\n\nuse a;\nfn f() {}\n"),
        [1, 2, 3, 4, 5, 6]
    );
    assert_eq!(
        lines("//! Doc.\n// conclint: allow(double-lock)\nuse a;\nfn f() {}\n"),
        [2, 3]
    );
    assert_eq!(
        lines("fn f() {}\n// conclint: allow-file(double-lock)\nfn g() {}\n"),
        [1, 2, 3]
    );
}

#[test]
fn attribute_on_an_item() {
    let text = "#[cfg_attr(any(), conclint::allow(double-lock, reason = \"a, (b)\"))]\n#[inline]\nfn f() {\n  a();\n}\nfn g() {}\n";
    assert_eq!(hidden(text).len(), 5);
    assert_eq!(hidden(text)[4], (5, "a, (b)".to_owned()));
    assert_eq!(
        lines(
            "mod m {\n#![cfg_attr(any(), conclint::allow(double_lock))]\nfn f() {}\n}\nfn g() {}\n"
        ),
        [1, 2, 3, 4]
    );
    assert_eq!(
        lines("#![cfg_attr(false, conclint::allow(CL102))]\nfn f() {}\n"),
        [1, 2]
    );
}

#[test]
fn what_clippy_is_told_holds_here_too() {
    let lines = |rule, text| -> Vec<u32> {
        let hidden = hidden_of(rule, text);
        hidden.into_iter().map(|(line, _)| line).collect()
    };
    let item = "#[allow(clippy::await_holding_lock, reason = \"short\")]\nasync fn f() {\n  a();\n}\nfn g() {}\n";
    assert_eq!(lines("guard-across-await", item), [1, 2, 3, 4]);
    assert!(lines("double-lock", item).is_empty());
    let denied = item.replace("allow", "deny");
    assert!(lines("guard-across-await", &denied).is_empty());
    let statement = "fn f() {\n#[expect(let_underscore_lock)]\nlet _ = m.lock();\nb();\n}\n";
    assert_eq!(lines("guard-dropped-at-once", statement), [2, 3]);
}

#[test]
fn several_names_and_no_reason() {
    assert_eq!(
        hidden("a(); // conclint: allow(lock-order-inversion, CL102)"),
        [(1, "no reason given".to_owned())]
    );
    assert_eq!(
        lines("a(); // conclint: allow(lock-order-inversion)"),
        [] as [u32; 0]
    );
}

#[test]
fn doc_comments_and_strings_suppress_nothing() {
    assert_eq!(
        lines("/// // conclint: allow(double-lock)\nfn f() {}\n"),
        [] as [u32; 0]
    );
    assert_eq!(
        lines("/// conclint: allow(double-lock)\nfn f() {}\n"),
        [] as [u32; 0]
    );
    assert_eq!(
        lines("let a = \"// conclint: allow(double-lock)\";\n"),
        [] as [u32; 0]
    );
}

#[test]
fn the_last_step_counts_as_well() {
    let (mut directives, _) = read("a();\nb(); // conclint: allow(double-lock) at the end\n");
    let mut far = finding("double-lock", "b.rs", 7);
    let mut step = far.paths[0].steps[0].clone();
    step.span.file = Arc::from("a.rs");
    step.span.line = 2;
    far.paths[0].steps.push(step);
    let mut findings = [far];
    directives.apply(&mut findings, false);
    assert_eq!(findings[0].suppressed.as_deref(), Some("at the end"));
}

#[test]
fn unknown_names_and_verbs_are_remarked_upon() {
    let (_, problems) =
        read("a(); // conclint: allow(doubel-lock)\nb(); // conclint: alow(double-lock)\n");
    let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "a.rs:1: unknown lint `doubel-lock`; did you mean `double-lock`?",
            "a.rs:2: not understood: a suppression reads `conclint: allow(name) reason`",
        ]
    );
}

#[test]
fn required_reasons() {
    let (mut directives, _) =
        read("a(); // conclint: allow(double-lock)\nb(); // conclint: allow(double-lock) why\n");
    let mut findings = [
        finding("double-lock", "a.rs", 1),
        finding("double-lock", "a.rs", 2),
    ];
    let problems = directives.apply(&mut findings, true);
    assert_eq!(
        findings.each_ref().map(|f| f.suppressed.is_some()),
        [false, true]
    );
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].line, Some(1));
}

#[test]
fn an_expectation_reports_itself_only_when_nothing_fires() {
    let (mut directives, _) = read(
        "a(); // conclint: expect(double-lock) known\nb(); // conclint: expect(double-lock) gone\n",
    );
    let mut findings = [finding("double-lock", "a.rs", 1)];
    directives.apply(&mut findings, false);
    assert_eq!(findings[0].suppressed.as_deref(), Some("known"));
    let left = directives.unfulfilled(&Settings::default());
    assert_eq!(left.len(), 1);
    assert_eq!(
        (
            left[0].rule,
            left[0].primary().line,
            left[0].primary().column
        ),
        ("unfulfilled-expectation", 2, 6)
    );

    let elsewhere = Settings {
        select: vec!["lock-order-inversion", "unfulfilled-expectation"],
        ..Settings::default()
    };
    assert_eq!(
        directives.unfulfilled(&elsewhere),
        [],
        "the lint did not run"
    );
}

#[test]
fn any_text_is_read() {
    for text in [
        "// conclint:",
        "// conclint: allow(",
        "// conclint: allow()",
        "#[conclint::",
        "#![conclint::allow(x",
        "/* conclint: allow(double-lock)",
        "#",
        "#!",
        "#[",
        "#![",
    ] {
        let (directives, _) = read(&format!("{text} // conclint: x"));
        assert!(directives.by_file.len() <= 1);
        read(text);
    }
}
