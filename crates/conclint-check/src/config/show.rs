//! The effective configuration, as a file that could be used as it stands.

use std::fmt::Write;
use std::path::Path;

use super::{Origin, Resolved};
use crate::find::slashes;

/// `conclint config --show`: every setting with where it comes from.
pub fn show(resolved: &Resolved) -> String {
    let s = &resolved.settings;
    let mut page = Page {
        out: String::new(),
        resolved,
    };
    page.key("level", &quoted(s.level.as_str()));
    page.key("min-confidence", &quoted(s.min_confidence.as_str()));
    page.key("fail-on", &quoted(s.fail_on.as_str()));
    page.key("select", &list(&s.select));
    page.key("ignore", &list(&s.ignore));
    page.key("exclude", &list(&s.exclude));
    page.key("include-tests", &s.include_tests.to_string());
    page.key("require-reason", &s.reasons_required().to_string());
    page.key("max-file-bytes", &s.max_file_bytes.to_string());
    if let Some(file) = &s.baseline {
        let root = s.root.as_deref().unwrap_or(Path::new(""));
        let path = file.path.strip_prefix(root).unwrap_or(&file.path);
        page.key("baseline", &quoted(&slashes(path)));
    }
    for (name, severity) in &s.severities {
        let from = page.from(&format!("lints.{name}"));
        page.line(format_args!(
            "\n[lints.{name}] # {from}\nseverity = {}",
            quoted(severity.as_str())
        ));
    }
    let from = page.from("lock-type");
    for lock in &s.lock_types {
        page.line(format_args!(
            "\n[[lock-type]] # {from}\npath = {}\nshape = {}\nguard = {}\nreentrant = {}",
            quoted(&lock.path),
            quoted(lock.shape.as_str()),
            quoted(lock.guard.as_str()),
            lock.reentrant,
        ));
    }
    let from = page.from("lock-order");
    for names in &s.lock_orders {
        page.line(format_args!(
            "\n[[lock-order]] # {from}\nnames = {}",
            list(names)
        ));
    }
    page.out
}

struct Page<'a> {
    out: String,
    resolved: &'a Resolved,
}

impl Page<'_> {
    fn key(&mut self, key: &str, value: &str) {
        let from = self.from(key);
        self.line(format_args!("{key} = {value} # {from}"));
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.out, "{text}");
    }

    fn from(&self, key: &str) -> String {
        match (self.resolved.origins.get(key), &self.resolved.file) {
            (Some(Origin::Flag), _) => "command line".to_owned(),
            (Some(Origin::File(line)), Some(file)) => format!("{file}:{line}"),
            _ => "default".to_owned(),
        }
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn list<S: AsRef<str>>(items: &[S]) -> String {
    format!(
        "[{}]",
        items
            .iter()
            .map(|item| quoted(item.as_ref()))
            .collect::<Vec<_>>()
            .join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    #[test]
    fn shows_every_setting_and_where_it_comes_from() {
        let text = "fail-on = \"error\"\n[lints]\ndouble-lock = \"deny\"\n\
                    [[lock-type]]\npath = 'a\"b'\nshape = \"mutex\"\n[[lock-order]]\nnames = [\"a\", \"b\"]\n";
        let mut resolved = parse::parse("conclint.toml", text).unwrap();
        resolved.origins.insert("level".to_owned(), Origin::Flag);
        let shown = show(&resolved);
        assert_eq!(
            shown,
            "\
level = \"default\" # command line
min-confidence = \"medium\" # default
fail-on = \"error\" # conclint.toml:1
select = [] # default
ignore = [] # default
exclude = [] # default
include-tests = false # default
require-reason = false # default
max-file-bytes = 8388608 # default

[lints.double-lock] # conclint.toml:3
severity = \"deny\"

[[lock-type]] # conclint.toml:4
path = 'a\"b'
shape = \"mutex\"
guard = \"plain\"
reentrant = false

[[lock-order]] # conclint.toml:7
names = [\"a\", \"b\"]
"
        );
        let again = parse::parse("shown.toml", &shown).unwrap();
        assert_eq!(again.settings.lock_types, resolved.settings.lock_types);
        assert_eq!(again.settings.severities, resolved.settings.severities);
    }
}
