//! Settings that a test carries: `#[conclint_test::explore(..)]`.
//!
//! In a build that explores, the attribute writes a second test beside `t`,
//! `__conclint_settings_t`, ignored with the reason `conclint::explore` and
//! the settings. It is taken out of the list here and never runs.

use std::collections::BTreeMap;

use crate::answer::Listed;
use crate::request::Request;

const PREFIX: &str = "__conclint_settings_";
const REASON: &str = "conclint::explore ";

/// Settings of tests by name, taken out of the list of tests.
pub(crate) fn take(tests: &mut Vec<Listed>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    tests.retain(|test| {
        let (path, name) = match test.test.rsplit_once("::") {
            Some((path, name)) => (Some(path), name),
            None => (None, test.test.as_str()),
        };
        let settings = test.ignore_reason.strip_prefix(REASON);
        let (Some(name), Some(settings)) = (name.strip_prefix(PREFIX), settings) else {
            return true;
        };
        let name = match path {
            Some(path) => format!("{path}::{name}"),
            None => name.to_owned(),
        };
        found.insert(name, settings.to_owned());
        false
    });
    found
}

/// `request` with `settings` in force: they are the test's own, and what the
/// command line says is for those that have none.
pub(crate) fn applied(request: &Request, settings: &str) -> Request {
    let mut request = request.clone();
    let mut preemptions = None;
    for (key, value) in settings.split(' ').filter_map(|part| part.split_once('=')) {
        match key {
            "schedules" => request.schedules = value.parse().unwrap_or(request.schedules),
            "seed" => request.seed = value.parse().unwrap_or(request.seed),
            "strategy" => value.clone_into(&mut request.strategy),
            "preemptions" => preemptions = value.parse::<u32>().ok(),
            // A newer attribute than this program.
            _ => {}
        }
    }
    if let Some(bound) = preemptions {
        request.strategy = format!("bounded {bound}");
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(test: &str, reason: &str) -> Listed {
        Listed {
            test: test.to_owned(),
            ignored: !reason.is_empty(),
            ignore_reason: reason.to_owned(),
        }
    }

    #[test]
    fn markers_are_taken_out_and_kept_for_their_test() {
        let mut tests = vec![
            listed(
                "a::__conclint_settings_t",
                "conclint::explore schedules=7 seed=3",
            ),
            listed("a::t", ""),
            listed("__conclint_settings_u", "conclint::explore preemptions=1"),
            listed("__conclint_settings_mine", "because"),
        ];
        let found = take(&mut tests);
        let names: Vec<_> = tests.iter().map(|t| t.test.as_str()).collect();
        assert_eq!(names, ["a::t", "__conclint_settings_mine"]);
        let request = applied(&Request::default(), &found["a::t"]);
        assert_eq!((request.schedules, request.seed), (7, 3));
        assert_eq!(request.strategy, "portfolio");
        assert_eq!(
            applied(&Request::default(), &found["u"]).strategy,
            "bounded 1"
        );
    }
}
