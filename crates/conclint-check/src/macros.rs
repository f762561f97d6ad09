//! Findings that lie in the body of a macro as a whole.
//!
//! What a macro of the program does is found wherever it is called, with the
//! call for a place. Where all of a finding is the macro's doing, there is one
//! thing to mend and one finding: the first call, which tells how many more
//! there are. A finding of which only a part lies in a macro (`lock!(a)`, and a
//! call that takes it again) is about that place and stays.

use std::collections::BTreeMap;
use std::sync::Arc;

use conclint_diag::{Finding, Fingerprint, Span};

/// Keeps one finding for each lint and macro. What is suppressed, and what is
/// in test code, is apart from the rest. `findings` are in their final order.
pub(crate) fn group(findings: &mut Vec<Finding>, texts: &[(Arc<str>, Arc<str>)]) {
    let texts: BTreeMap<&str, &str> = texts.iter().map(|(f, t)| (&**f, &**t)).collect();
    let mut first: BTreeMap<(&str, String, bool), usize> = BTreeMap::new();
    let mut more: BTreeMap<usize, usize> = BTreeMap::new();
    let mut at = 0;
    let mut kept = 0;
    let mut names: BTreeMap<usize, String> = BTreeMap::new();
    // `matches!` is nobody's to mend.
    let mut own: BTreeMap<String, bool> = BTreeMap::new();
    let mut is_own = |name: &String| {
        *own.entry(name.clone()).or_insert_with(|| {
            let definition = format!("macro_rules! {name}");
            texts.values().any(|text| text.contains(&definition))
        })
    };
    findings.retain(|finding| {
        at += 1;
        let name = place(finding)
            .filter(|_| finding.suppressed.is_none())
            .and_then(|span| called(texts.get(&*span.file)?, span))
            .filter(&mut is_own);
        if let Some(name) = name {
            let key = (finding.rule, name.clone(), finding.in_test);
            if let Some(&before) = first.get(&key) {
                *more.entry(before).or_default() += 1;
                return false;
            }
            first.insert(key, kept);
            names.insert(kept, name);
        }
        kept += 1;
        true
    });
    for (index, count) in more {
        let (Some(finding), Some(name)) = (findings.get_mut(index), names.get(&index)) else {
            continue;
        };
        let calls = if count == 1 { "call" } else { "calls" };
        finding.message += &format!(" (so do {count} more {calls} of `{name}!`)");
        // Not that of the call that happens to be the first.
        finding.fingerprint = Fingerprint::of([finding.rule, name, "in a macro"]);
    }
}

/// The one place of all steps.
fn place(finding: &Finding) -> Option<&Span> {
    let mut spans = finding
        .paths
        .iter()
        .flat_map(|path| &path.steps)
        .map(|step| &step.span);
    let first = spans.next()?;
    spans.all(|span| span == first).then_some(first)
}

/// `name` where the span begins with `name!`.
fn called(text: &str, span: &Span) -> Option<String> {
    let line = text
        .lines()
        .nth(usize::try_from(span.line).ok()?.checked_sub(1)?)?;
    let column = usize::try_from(span.column).ok()?.checked_sub(1)?;
    let from: String = line.chars().skip(column).collect();
    let end = from.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    let (name, rest) = from.split_at_checked(end)?;
    let is_call = rest.starts_with('!') && !rest.starts_with("!=");
    (is_call && !name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suppress::tests::finding;

    fn at(rule: &'static str, line: u32, column: u32) -> Finding {
        let mut finding = finding(rule, "a.rs", line);
        for step in finding.paths.iter_mut().flat_map(|path| &mut path.steps) {
            step.span.column = column;
        }
        finding.message = "waits".to_owned();
        finding
    }

    fn grouped(mut findings: Vec<Finding>, text: &str) -> Vec<String> {
        group(&mut findings, &[(Arc::from("a.rs"), Arc::from(text))]);
        findings.into_iter().map(|f| f.message).collect()
    }

    #[test]
    fn one_for_each_macro_and_lint() {
        let text = "spin!(a);\nlet b = spin!(b);\nother!(c);\nwait();\nspin!(d);\nother!(e);\nmacro_rules! spin {}\n";
        let findings = vec![
            at("busy-wait", 1, 1),
            at("busy-wait", 2, 9),
            at("busy-wait", 3, 1),
            at("busy-wait", 4, 1),
            at("busy-wait", 5, 1),
            at("busy-wait", 6, 1),
            at("double-lock", 5, 1),
        ];
        assert_eq!(
            grouped(findings, text),
            [
                "waits (so do 2 more calls of `spin!`)",
                "waits",
                "waits",
                "waits",
                "waits"
            ]
        );
    }

    #[test]
    fn what_lies_in_two_places_stays() {
        let mut two = at("double-lock", 1, 1);
        let mut step = two.paths[0].steps[0].clone();
        step.span.line = 2;
        two.paths[0].steps.push(step);
        let mut suppressed = at("double-lock", 1, 1);
        suppressed.suppressed = Some("on purpose".to_owned());
        let findings = vec![two.clone(), two, suppressed.clone(), suppressed];
        assert_eq!(
            grouped(findings, "lock!(a);\na.len();\nmacro_rules! lock {}\n").len(),
            4
        );
    }

    #[test]
    fn a_comparison_is_no_call() {
        let findings = vec![at("busy-wait", 1, 4), at("busy-wait", 1, 4)];
        assert_eq!(grouped(findings, "if a!= b {}\n").len(), 2);
    }
}
