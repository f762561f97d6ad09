//! Suppressions in the source.
//!
//! | written | covers |
//! |---|---|
//! | `code // conclint: allow(name) reason` | its own line |
//! | `// conclint: allow(name) reason` on a line of its own | the statement (or the head of the block or item) directly below; comments and attributes may stand between |
//! | the same, before the first item and not directly above it | the file |
//! | `// conclint: allow-file(name) reason` anywhere | the file |
//! | `#[cfg_attr(any(), conclint::allow(name, reason = ".."))]` | the item below it, with its body |
//! | `#![cfg_attr(any(), conclint::allow(name))]` | the module or file it stands in |
//! | `#[allow(clippy::await_holding_lock)]`, `#[allow(let_underscore_lock)]` | the same for the lint here that says the same |
//!
//! `expect` in place of `allow` does the same and is itself reported when
//! nothing fires. A finding is covered when the first or the last step of one
//! of its paths is: where the first lock is taken, and where it hurts.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use conclint_diag::{Confidence, Finding, Fingerprint, Role, Severity, Span, Step, Trace};

use crate::lex::{self, Kind, Token};
use crate::names::{self, UNFULFILLED};
use crate::select;
use crate::{Problem, Settings};

/// Lints of rustc and clippy, and the lint here that says the same: who allows
/// the one has seen it and decided.
const SAME: [(&str, &str); 2] = [
    ("await_holding_lock", "guard-across-await"),
    ("let_underscore_lock", "guard-dropped-at-once"),
];

/// All suppressions of a program.
#[derive(Debug, Default)]
pub(crate) struct Directives {
    by_file: BTreeMap<Arc<str>, Vec<Directive>>,
}

/// One suppression of one or more lints.
#[derive(Debug)]
struct Directive {
    /// Reports itself when it hides nothing.
    expect: bool,
    /// The lints; for `expect`, whether each fired.
    lints: Vec<(&'static str, bool)>,
    reason: Option<String>,
    lines: RangeInclusive<u32>,
    /// Where it is written.
    at: Span,
}

/// The verb and the arguments, before names are looked up.
struct Written {
    expect: bool,
    whole_file: bool,
    names: Vec<String>,
    reason: Option<String>,
}

impl Directives {
    /// Reads the suppressions of all files. What is not understood comes back
    /// as remarks.
    pub(crate) fn of(texts: &[(Arc<str>, Arc<str>)]) -> (Self, Vec<Problem>) {
        use rayon::prelude::*;
        let markers: Vec<_> = ["conclint:"]
            .into_iter()
            .chain(SAME.map(|(theirs, _)| theirs))
            .map(memchr::memmem::Finder::new)
            .collect();
        let is_marked = |text: &str| markers.iter().any(|m| m.find(text.as_bytes()).is_some());
        let read: Vec<_> = texts
            .par_iter()
            // Most files name conclint nowhere; they are not even split into tokens.
            .filter(|(_, text)| is_marked(text))
            .map(|(file, text)| (file.clone(), Reader::new(file, text).read()))
            .collect();
        let mut directives = Directives::default();
        let mut problems = Vec::new();
        for (file, (found, unclear)) in read {
            directives.by_file.insert(file, found);
            problems.extend(unclear);
        }
        (directives, problems)
    }

    /// Marks the findings that a suppression covers. With `reasons_required` a
    /// suppression without a reason covers nothing and is remarked upon.
    pub(crate) fn apply(
        &mut self,
        findings: &mut [Finding],
        reasons_required: bool,
    ) -> Vec<Problem> {
        let mut problems = Vec::new();
        if reasons_required {
            for (file, directives) in &mut self.by_file {
                directives.retain(|d| {
                    if d.reason.is_none() {
                        let why = "a suppression needs a reason here; this one is ignored";
                        problems.push(Problem::remark(&**file, d.at.line, why));
                    }
                    d.reason.is_some()
                });
            }
        }
        for finding in findings {
            let mut reason = None;
            for place in ends(finding) {
                for directive in self.by_file.get_mut(&place.file).into_iter().flatten() {
                    let covers = directive.lines.contains(&place.line)
                        || directive.lines.contains(&place.end_line);
                    let lint = directive
                        .lints
                        .iter_mut()
                        .find(|(name, _)| *name == finding.rule);
                    if let (true, Some((_, fired))) = (covers, lint) {
                        *fired = true;
                        let given = directive.reason.as_deref().unwrap_or("no reason given");
                        reason.get_or_insert_with(|| given.to_owned());
                    }
                }
            }
            finding.suppressed = finding.suppressed.take().or(reason);
        }
        problems
    }

    /// A finding for each expectation that nothing fulfilled.
    pub(crate) fn unfulfilled(&self, settings: &Settings) -> Vec<Finding> {
        // Told in the part of the run in which the lint itself runs.
        if !select::wanted(&UNFULFILLED, settings) {
            return Vec::new();
        }
        let mut out = Vec::new();
        for (file, directives) in &self.by_file {
            let mut count: BTreeMap<&str, usize> = BTreeMap::new();
            for directive in directives.iter().filter(|d| d.expect) {
                for &(name, fired) in &directive.lints {
                    let n = count.entry(name).or_default();
                    *n += 1;
                    let ran = names::lint(name).is_ok_and(|lint| select::runs(lint, settings));
                    if ran && !fired {
                        out.push(
                            directive
                                .finding(name, &[UNFULFILLED.name, &**file, name, &n.to_string()]),
                        );
                    }
                }
            }
        }
        out
    }
}

/// The first and the last step of each path.
fn ends(finding: &Finding) -> impl Iterator<Item = &Span> {
    finding
        .paths
        .iter()
        .flat_map(|path| [path.steps.first(), path.steps.last()])
        .flatten()
        .map(|step| &step.span)
}

impl Directive {
    fn finding(&self, name: &str, identity: &[&str]) -> Finding {
        let step = Step {
            span: self.at.clone(),
            function: String::new(),
            role: Role::Use,
            object: String::new(),
            what: "nothing fires here".to_owned(),
        };
        Finding {
            rule: UNFULFILLED.name,
            code: UNFULFILLED.code,
            severity: Severity::Warning,
            confidence: Confidence::High,
            message: format!("`{name}` is expected here and does not fire"),
            paths: vec![Trace {
                title: String::new(),
                steps: vec![step],
            }],
            help: vec!["remove the expectation".to_owned()],
            fingerprint: Fingerprint::of(identity),
            in_test: false,
            suppressed: None,
        }
    }
}

/// Reads the suppressions of one file.
struct Reader<'a> {
    file: &'a Arc<str>,
    text: &'a str,
    tokens: Vec<Token>,
    directives: Vec<Directive>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn new(file: &'a Arc<str>, text: &'a str) -> Self {
        let tokens = lex::tokens(text);
        Reader {
            file,
            text,
            tokens,
            directives: Vec::new(),
            problems: Vec::new(),
        }
    }

    fn read(mut self) -> (Vec<Directive>, Vec<Problem>) {
        let mut i = 0;
        while let Some(token) = self.tokens.get(i) {
            match token.kind {
                Kind::Comment { doc: false } => self.comment(i),
                Kind::Mark(b'#') => self.attribute(i),
                _ => {}
            }
            i += 1;
        }
        (self.directives, self.problems)
    }

    fn comment(&mut self, i: usize) {
        let Some(token) = self.tokens.get(i) else {
            return;
        };
        let line = token.line;
        let Some(body) = self.text.get(token.range.clone()).and_then(after_prefix) else {
            return;
        };
        let Some(written) = parse(body) else {
            let why = "not understood: a suppression reads `conclint: allow(name) reason`";
            self.problems.push(Problem::remark(&**self.file, line, why));
            return;
        };
        let lines = if written.whole_file {
            1..=u32::MAX
        } else {
            self.lines_of_comment(i)
        };
        self.add(written, lines, i, i);
    }

    fn lines_of_comment(&self, i: usize) -> RangeInclusive<u32> {
        let Some(token) = self.tokens.get(i) else {
            return 0..=0;
        };
        let trailing = i
            .checked_sub(1)
            .and_then(|p| self.tokens.get(p))
            .is_some_and(|p| p.end_line == token.line);
        if trailing {
            return token.line..=token.line;
        }
        match self.next_code(i) {
            Some((target, true)) => token.line..=lex::statement_end(&self.tokens, target),
            // Something stands below, but not directly: at the top of the file
            // the file is meant, elsewhere nothing is.
            Some((_, false)) | None if self.before_first_item(i) => 1..=u32::MAX,
            _ => token.line..=token.line,
        }
    }

    /// The first token after `i` that is no comment and no outer attribute, and
    /// whether it stands directly below, with no blank line between.
    fn next_code(&self, i: usize) -> Option<(usize, bool)> {
        let mut at = i + 1;
        let mut line = self.tokens.get(i)?.end_line;
        let mut adjacent = true;
        loop {
            let token = self.tokens.get(at)?;
            adjacent &= token.line <= line + 1;
            at = match token.kind {
                Kind::Comment { .. } => at + 1,
                Kind::Mark(b'#') if self.kind(at + 1) == Some(Kind::Open(b'[')) => {
                    lex::after_group(&self.tokens, at + 1)
                }
                _ => return Some((at, adjacent)),
            };
            line = self.tokens.get(at - 1)?.end_line;
        }
    }

    fn before_first_item(&self, i: usize) -> bool {
        let mut at = 0;
        while at < i {
            at = match self.kind(at) {
                Some(Kind::Comment { .. }) => at + 1,
                Some(Kind::Mark(b'#')) if self.kind(at + 1) == Some(Kind::Mark(b'!')) => {
                    lex::after_group(&self.tokens, at + 2)
                }
                _ => return false,
            };
        }
        true
    }

    fn kind(&self, i: usize) -> Option<Kind> {
        self.tokens.get(i).map(|t| t.kind)
    }

    fn attribute(&mut self, i: usize) {
        let inner = self.kind(i + 1) == Some(Kind::Mark(b'!'));
        let open = if inner { i + 2 } else { i + 1 };
        if self.kind(open) != Some(Kind::Open(b'[')) {
            return;
        }
        let end = lex::after_group(&self.tokens, open);
        let (Some(first), Some(last)) =
            (self.tokens.get(i), self.tokens.get(end.saturating_sub(1)))
        else {
            return;
        };
        let (from, to) = (first.range.start, last.range.end);
        let first_line = first.line;
        let Some(content) = self.text.get(from..to) else {
            return;
        };
        let own = content
            .match_indices("conclint::")
            .filter_map(|(at, prefix)| parse(content.get(at + prefix.len()..)?));
        let all: Vec<Written> = own.chain(allowed_elsewhere(content)).collect();
        for written in all {
            let lines = if inner {
                self.enclosing(i)
            } else {
                let mut target = end;
                while let Some(kind) = self.kind(target) {
                    target = match kind {
                        Kind::Comment { .. } => target + 1,
                        Kind::Mark(b'#') => lex::after_group(&self.tokens, target + 1),
                        _ => break,
                    };
                }
                first_line..=lex::item_end(self.text, &self.tokens, target).max(first_line)
            };
            self.add(written, lines, i, end.saturating_sub(1));
        }
    }

    /// Lines of the innermost braces around token `i`, or the whole file.
    fn enclosing(&self, i: usize) -> RangeInclusive<u32> {
        let mut open = Vec::new();
        for (at, token) in self.tokens.iter().enumerate().take(i) {
            match token.kind {
                Kind::Open(_) => open.push(at),
                Kind::Close(_) => drop(open.pop()),
                _ => {}
            }
        }
        let Some(open) = open.pop() else {
            return 1..=u32::MAX;
        };
        let close = lex::after_group(&self.tokens, open).saturating_sub(1);
        let line = |i: usize| self.tokens.get(i).map_or(u32::MAX, |t| t.line);
        line(open)..=line(close)
    }

    fn add(&mut self, written: Written, lines: RangeInclusive<u32>, first: usize, last: usize) {
        let at = self.span(first, last);
        let mut lints = Vec::new();
        for name in &written.names {
            match names::lint(name) {
                Ok(lint) => lints.push((lint.name, false)),
                Err(unknown) => {
                    self.problems
                        .push(Problem::remark(&**self.file, at.line, unknown.to_string()));
                }
            }
        }
        let Written { expect, reason, .. } = written;
        self.directives.push(Directive {
            expect,
            lints,
            reason,
            lines,
            at,
        });
    }

    fn span(&self, first: usize, last: usize) -> Span {
        let place = |byte: usize, line: u32| {
            let start = self
                .text
                .get(..byte)
                .and_then(|t| t.rfind('\n'))
                .map_or(0, |i| i + 1);
            let column = self.text.get(start..byte).map_or(0, |t| t.chars().count());
            (line, u32::try_from(column + 1).unwrap_or(u32::MAX))
        };
        let (line, column) = self
            .tokens
            .get(first)
            .map_or((1, 1), |t| place(t.range.start, t.line));
        let (end_line, end_column) = self
            .tokens
            .get(last)
            .map_or((line, column), |t| place(t.range.end, t.end_line));
        Span {
            file: self.file.clone(),
            line,
            column,
            end_line,
            end_column,
        }
    }
}

/// What `#[allow(..)]` or `#[expect(..)]` says of lints of [`SAME`].
fn allowed_elsewhere(attribute: &str) -> impl Iterator<Item = Written> {
    let body = attribute.trim_start_matches(['#', '!', '[', ' ']);
    let list = ["allow(", "expect("]
        .into_iter()
        .find_map(|verb| body.strip_prefix(verb));
    let named = move |theirs: &str| {
        list.is_some_and(|list| {
            list.split([',', ')'])
                .any(|name| name.trim().trim_start_matches("clippy::") == theirs)
        })
    };
    SAME.into_iter()
        .filter(move |(theirs, _)| named(theirs))
        .map(|(theirs, ours)| Written {
            // Whether it is fulfilled is for its own tool to say.
            expect: false,
            whole_file: false,
            names: vec![ours.to_owned()],
            reason: Some(format!("`{theirs}` is allowed here")),
        })
}

/// What follows `conclint:` in a comment that begins with it.
fn after_prefix(comment: &str) -> Option<&str> {
    let body = match comment.strip_prefix("/*") {
        Some(block) => block.strip_suffix("*/").unwrap_or(block),
        None => comment.trim_start_matches('/'),
    };
    body.trim().strip_prefix("conclint:")
}

/// `allow(a, b) reason`, `expect(a, reason = "..")`, `allow-file(a)`.
fn parse(text: &str) -> Option<Written> {
    let (verb, rest) = text.trim_start().split_once('(')?;
    let (expect, whole_file) = match verb.trim() {
        "allow" => (false, false),
        "expect" => (true, false),
        "allow-file" => (false, true),
        "expect-file" => (true, true),
        _ => return None,
    };
    let close = closing(rest)?;
    let (arguments, after) = (rest.get(..close)?, rest.get(close + 1..)?);
    let mut names = Vec::new();
    let mut reason = None;
    for part in split(arguments) {
        match part.split_once('=') {
            Some((key, value)) if key.trim() == "reason" => reason = clean(value),
            _ => names.extend(clean(part)),
        }
    }
    // In an attribute, brackets follow and no reason.
    let after = after.trim_start_matches([':', '-', '\u{2013}', '\u{2014}', ' ', '\t']);
    if reason.is_none() && !after.starts_with([')', ']', ',']) {
        reason = clean(after);
    }
    (!names.is_empty()).then_some(Written {
        expect,
        whole_file,
        names,
        reason,
    })
}

/// The position of the bracket that closes a list, strings left out.
fn closing(text: &str) -> Option<usize> {
    let mut in_string = false;
    text.char_indices().find_map(|(i, c)| {
        in_string ^= c == '"';
        (c == ')' && !in_string).then_some(i)
    })
}

/// Splits at commas outside strings.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut in_string = false;
    text.split(move |c| {
        in_string ^= c == '"';
        c == ',' && !in_string
    })
}

fn clean(text: &str) -> Option<String> {
    let text = text.trim().trim_matches('"').trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
#[path = "suppress_tests.rs"]
pub(crate) mod tests;
