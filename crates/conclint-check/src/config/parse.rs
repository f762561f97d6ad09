//! Reads the text of a `conclint.toml`.
//!
//! By hand over spanned TOML and not by `serde`: every error names the line,
//! the key, what would have been right and what was probably meant.

use std::ops::Range;
use std::path::PathBuf;

use conclint_diag::Confidence;
use conclint_lints::Level;
use ignore::gitignore::GitignoreBuilder;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Origin, Resolved};
use crate::settings::{
    BaselineFile, FailOn, GuardKind, LintSeverity, LockShape, LockType, Settings,
};
use crate::{ConfigError, names};

/// Every key at the top of the file, in the order in which they are documented.
pub(super) const KEYS: &[&str] = &[
    "level",
    "min-confidence",
    "fail-on",
    "select",
    "ignore",
    "exclude",
    "include-tests",
    "require-reason",
    "max-file-bytes",
    "baseline",
    "lints",
    "lock-type",
    "lock-order",
];

const LEVELS: &[(&str, Level)] = &[
    ("default", Level::Default),
    ("pedantic", Level::Pedantic),
    ("grading", Level::Grading),
];
const CONFIDENCES: &[(&str, Confidence)] = &[
    ("low", Confidence::Low),
    ("medium", Confidence::Medium),
    ("high", Confidence::High),
];
const FAIL_ONS: &[(&str, FailOn)] = &[
    ("error", FailOn::Error),
    ("warning", FailOn::Warning),
    ("never", FailOn::Never),
];
const SEVERITIES: &[(&str, LintSeverity)] = &[
    ("allow", LintSeverity::Allow),
    ("warn", LintSeverity::Warn),
    ("deny", LintSeverity::Deny),
];
const SHAPES: &[(&str, LockShape)] = &[("mutex", LockShape::Mutex), ("rwlock", LockShape::Rwlock)];
const GUARDS: &[(&str, GuardKind)] = &[
    ("plain", GuardKind::Plain),
    ("result", GuardKind::Result),
    ("future", GuardKind::Future),
];

type Value<'a> = Spanned<DeValue<'a>>;

/// Reads `text`; `file` is its name in errors.
pub(super) fn parse(file: &str, text: &str) -> Result<Resolved, ConfigError> {
    let reader = Reader { file, text };
    let table = DeTable::parse(text)
        .map_err(|error| reader.error(error.span().unwrap_or(0..0), error.message().to_owned()))?;
    let mut resolved = Resolved {
        file: Some(file.to_owned()),
        ..Resolved::default()
    };
    for (key, value) in reader.entries(table.get_ref(), "key", KEYS)? {
        reader.setting(&mut resolved.settings, key.get_ref(), value)?;
        let line = reader.line(key.span().start);
        if key.get_ref() == "lints" {
            for (lint, _) in reader.table(value, "lints")? {
                let line = reader.line(lint.span().start);
                let name = reader.lint(lint.get_ref(), lint.span())?;
                resolved
                    .origins
                    .insert(format!("lints.{name}"), Origin::File(line));
            }
        }
        resolved
            .origins
            .insert(key.get_ref().to_string(), Origin::File(line));
    }
    Ok(resolved)
}

struct Reader<'t> {
    file: &'t str,
    text: &'t str,
}

type Key<'a> = Spanned<std::borrow::Cow<'a, str>>;

impl Reader<'_> {
    fn setting(
        &self,
        settings: &mut Settings,
        key: &str,
        value: &Value<'_>,
    ) -> Result<(), ConfigError> {
        match key {
            "level" => settings.level = self.word(value, key, LEVELS)?,
            "min-confidence" => settings.min_confidence = self.word(value, key, CONFIDENCES)?,
            "fail-on" => settings.fail_on = self.word(value, key, FAIL_ONS)?,
            "select" => settings.select = self.lints(value, key)?,
            "ignore" => settings.ignore = self.lints(value, key)?,
            "exclude" => settings.exclude = self.globs(value, key)?,
            "include-tests" => settings.include_tests = self.bool(value, key)?,
            "require-reason" => settings.require_reason = Some(self.bool(value, key)?),
            "max-file-bytes" => settings.max_file_bytes = self.size(value, key)?,
            "baseline" => {
                settings.baseline = Some(BaselineFile {
                    path: PathBuf::from(self.string(value, key)?),
                    required: false,
                });
            }
            "lints" => {
                for (name, value) in self.table(value, key)? {
                    let lint = self.lint(name.get_ref(), name.span())?;
                    settings.severities.insert(lint, self.severity(value)?);
                }
            }
            "lock-type" => {
                settings.lock_types = self
                    .array(value, key)?
                    .iter()
                    .map(|v| self.lock_type(v))
                    .collect::<Result<_, _>>()?;
            }
            "lock-order" => {
                settings.lock_orders = self
                    .array(value, key)?
                    .iter()
                    .map(|v| self.lock_order(v))
                    .collect::<Result<_, _>>()?;
            }
            // `entries` has let nothing else through.
            _ => {}
        }
        Ok(())
    }

    /// `double-lock = "deny"` or `[lints.double-lock] severity = "deny"`.
    fn severity(&self, value: &Value<'_>) -> Result<LintSeverity, ConfigError> {
        if !value.get_ref().is_table() {
            return self.word(value, "severity", SEVERITIES);
        }
        let mut found = None;
        for (_, value) in self.entries(self.table(value, "lints")?, "key", &["severity"])? {
            found = Some(self.word(value, "severity", SEVERITIES)?);
        }
        found.ok_or_else(|| self.error(value.span(), "`severity` is missing".to_owned()))
    }

    fn lock_type(&self, value: &Value<'_>) -> Result<LockType, ConfigError> {
        const KEYS: &[&str] = &["path", "shape", "guard", "reentrant"];
        let table = self.table(value, "lock-type")?;
        let (mut path, mut shape) = (None, None);
        let (mut guard, mut reentrant) = (GuardKind::Plain, false);
        for (key, value) in self.entries(table, "key of `lock-type`", KEYS)? {
            match &**key.get_ref() {
                "path" => path = Some(self.string(value, "path")?.to_owned()),
                "shape" => shape = Some(self.word(value, "shape", SHAPES)?),
                "guard" => guard = self.word(value, "guard", GUARDS)?,
                _ => reentrant = self.bool(value, "reentrant")?,
            }
        }
        let missing = |key| self.error(value.span(), format!("a `lock-type` needs `{key}`"));
        Ok(LockType {
            path: path.ok_or_else(|| missing("path"))?,
            shape: shape.ok_or_else(|| missing("shape"))?,
            guard,
            reentrant,
        })
    }

    fn lock_order(&self, value: &Value<'_>) -> Result<Vec<String>, ConfigError> {
        let mut names = Vec::new();
        for (_, value) in self.entries(
            self.table(value, "lock-order")?,
            "key of `lock-order`",
            &["names"],
        )? {
            names = self.strings(value, "names")?;
        }
        if names.len() < 2 {
            return Err(self.error(
                value.span(),
                "a `lock-order` needs at least two `names`".to_owned(),
            ));
        }
        Ok(names)
    }

    fn globs(&self, value: &Value<'_>, key: &str) -> Result<Vec<String>, ConfigError> {
        let globs = self.strings(value, key)?;
        for glob in &globs {
            let mut builder = GitignoreBuilder::new("");
            if let Err(error) = builder.add_line(None, glob).and_then(|b| b.build()) {
                return Err(self.error(value.span(), format!("`{glob}` is not a glob: {error}")));
            }
        }
        Ok(globs)
    }

    fn lints(&self, value: &Value<'_>, key: &str) -> Result<Vec<&'static str>, ConfigError> {
        self.array(value, key)?
            .iter()
            .map(|v| self.lint(self.string(v, key)?, v.span()))
            .collect()
    }

    fn lint(&self, name: &str, at: Range<usize>) -> Result<&'static str, ConfigError> {
        names::lint(name)
            .map(|lint| lint.name)
            .map_err(|error| self.error(at, error.to_string()))
    }

    /// The entries of a table in the order of the file, all of them known.
    fn entries<'a, 'b>(
        &self,
        table: &'b DeTable<'a>,
        what: &str,
        known: &[&str],
    ) -> Result<Vec<(&'b Key<'a>, &'b Value<'a>)>, ConfigError> {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, _) in &entries {
            let name = &**key.get_ref();
            if !known.contains(&name) {
                let hint = match names::closest(name, known.iter().copied()) {
                    Some(near) => format!("; did you mean `{near}`?"),
                    None => format!("; known are {}", listed(known.iter().copied())),
                };
                return Err(self.error(key.span(), format!("unknown {what} `{name}`{hint}")));
            }
        }
        Ok(entries)
    }

    fn word<T: Copy>(
        &self,
        value: &Value<'_>,
        key: &str,
        words: &[(&str, T)],
    ) -> Result<T, ConfigError> {
        let word = self.string(value, key)?;
        words
            .iter()
            .find(|(name, _)| *name == word)
            .map(|(_, value)| *value)
            .ok_or_else(|| {
                let all = listed(words.iter().map(|(name, _)| *name));
                self.error(
                    value.span(),
                    format!("`{key}` is one of {all}, not `{word}`"),
                )
            })
    }

    fn string<'b>(&self, value: &'b Value<'_>, key: &str) -> Result<&'b str, ConfigError> {
        value
            .get_ref()
            .as_str()
            .ok_or_else(|| self.wrong(value, key, "a string"))
    }

    fn strings(&self, value: &Value<'_>, key: &str) -> Result<Vec<String>, ConfigError> {
        self.array(value, key)?
            .iter()
            .map(|v| Ok(self.string(v, key)?.to_owned()))
            .collect()
    }

    fn bool(&self, value: &Value<'_>, key: &str) -> Result<bool, ConfigError> {
        value
            .get_ref()
            .as_bool()
            .ok_or_else(|| self.wrong(value, key, "`true` or `false`"))
    }

    fn size(&self, value: &Value<'_>, key: &str) -> Result<u64, ConfigError> {
        let number = value.get_ref().as_integer();
        number
            .and_then(|n| u64::from_str_radix(n.as_str(), n.radix()).ok())
            .filter(|n| *n > 0)
            .ok_or_else(|| self.wrong(value, key, "a number of bytes"))
    }

    fn array<'a, 'b>(
        &self,
        value: &'b Value<'a>,
        key: &str,
    ) -> Result<&'b [Value<'a>], ConfigError> {
        value
            .get_ref()
            .as_array()
            .map(|a| &**a)
            .ok_or_else(|| self.wrong(value, key, "an array"))
    }

    fn table<'a, 'b>(
        &self,
        value: &'b Value<'a>,
        key: &str,
    ) -> Result<&'b DeTable<'a>, ConfigError> {
        value
            .get_ref()
            .as_table()
            .ok_or_else(|| self.wrong(value, key, "a table"))
    }

    fn wrong(&self, value: &Value<'_>, key: &str, expected: &str) -> ConfigError {
        self.error(value.span(), format!("`{key}` is {expected}"))
    }

    fn error(&self, at: Range<usize>, message: String) -> ConfigError {
        let message = message
            .lines()
            .map(str::trim)
            .collect::<Vec<_>>()
            .join("; ");
        ConfigError {
            file: self.file.to_owned(),
            line: Some(self.line(at.start)),
            message,
        }
    }

    fn line(&self, byte: usize) -> u32 {
        let before = self.text.bytes().take(byte).filter(|b| *b == b'\n').count();
        u32::try_from(before + 1).unwrap_or(u32::MAX)
    }
}

fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse("conclint.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn every_key() {
        let text = r#"
level = "pedantic"
min-confidence = "high"
fail-on = "never"
select = ["CL101", "double-lock"]
ignore = ["double_lock"]
exclude = ["gen", "/vendor/**"]
include-tests = true
require-reason = true
max-file-bytes = 0x1_000
baseline = "known.toml"

[lints]
double-lock = "deny"
[lints.lock-order-inversion]
severity = "allow"

[[lock-type]]
path = "my_sync::Mutex"
shape = "mutex"
guard = "result"
reentrant = true

[[lock-order]]
names = ["sessions", "Registry.users"]
"#;
        let Resolved {
            settings,
            origins,
            file,
        } = parse("conclint.toml", text).unwrap();
        assert_eq!(settings.level, Level::Pedantic);
        assert_eq!(settings.min_confidence, Confidence::High);
        assert_eq!(settings.fail_on, FailOn::Never);
        assert_eq!(settings.select, ["lock-order-inversion", "double-lock"]);
        assert_eq!(settings.ignore, ["double-lock"]);
        assert_eq!(settings.exclude, ["gen", "/vendor/**"]);
        assert!(settings.include_tests && settings.reasons_required());
        assert_eq!(settings.max_file_bytes, 0x1000);
        let baseline = settings.baseline.unwrap();
        assert_eq!(baseline.path, PathBuf::from("known.toml"));
        assert!(!baseline.required);
        assert_eq!(
            settings.severities.get("double-lock"),
            Some(&LintSeverity::Deny)
        );
        assert_eq!(
            settings.severities.get("lock-order-inversion"),
            Some(&LintSeverity::Allow)
        );
        assert_eq!(
            settings.lock_types,
            [LockType {
                path: "my_sync::Mutex".to_owned(),
                shape: LockShape::Mutex,
                guard: GuardKind::Result,
                reentrant: true
            }]
        );
        assert_eq!(settings.lock_orders, [["sessions", "Registry.users"]]);
        assert_eq!(file.as_deref(), Some("conclint.toml"));
        assert_eq!(origins.get("level"), Some(&Origin::File(2)));
        assert_eq!(origins.get("lints.double-lock"), Some(&Origin::File(14)));
        assert!(
            KEYS.iter().all(|key| origins.contains_key(*key)),
            "the test knows every key"
        );
    }

    #[test]
    fn unknown_keys_get_a_suggestion() {
        assert_eq!(
            error("level = \"default\"\nmin_confidense = \"low\""),
            "conclint.toml:2: unknown key `min_confidense`; did you mean `min-confidence`?"
        );
        assert_eq!(
            error("[[lock-type]]\npath = \"a\"\nshap = \"mutex\""),
            "conclint.toml:3: unknown key of `lock-type` `shap`; did you mean `shape`?"
        );
        assert!(error("zzz = 1").contains("known are `level`, "));
        assert_eq!(
            error("[lints]\ndouble-lok = \"warn\""),
            "conclint.toml:2: unknown lint `double-lok`; did you mean `double-lock`?"
        );
        assert_eq!(
            error("\nselect = [\n\"CL101\",\n\"doublelock\"]"),
            "conclint.toml:4: unknown lint `doublelock`; did you mean `double-lock`?"
        );
    }

    #[test]
    fn wrong_values_name_what_is_right() {
        assert_eq!(
            error("level = \"strict\""),
            "conclint.toml:1: `level` is one of `default`, `pedantic`, `grading`, not `strict`"
        );
        assert_eq!(error("level = 3"), "conclint.toml:1: `level` is a string");
        assert_eq!(
            error("include-tests = \"yes\""),
            "conclint.toml:1: `include-tests` is `true` or `false`"
        );
        assert_eq!(
            error("max-file-bytes = 0"),
            "conclint.toml:1: `max-file-bytes` is a number of bytes"
        );
        assert_eq!(
            error("max-file-bytes = -1"),
            "conclint.toml:1: `max-file-bytes` is a number of bytes"
        );
        assert_eq!(error("lints = 1"), "conclint.toml:1: `lints` is a table");
        assert_eq!(
            error("\n[lints.double-lock]"),
            "conclint.toml:2: `severity` is missing"
        );
        assert_eq!(
            error("[[lock-type]]\npath = \"a\""),
            "conclint.toml:1: a `lock-type` needs `shape`"
        );
        assert_eq!(
            error("[[lock-order]]\nnames = [\"a\"]"),
            "conclint.toml:1: a `lock-order` needs at least two `names`"
        );
        assert!(error("exclude = [\"a{b\"]").starts_with("conclint.toml:1: `a{b` is not a glob"));
    }

    #[test]
    fn broken_toml_names_the_line() {
        assert!(error("level = \"default\"\nfoo = = 1").starts_with("conclint.toml:2: "));
        assert!(!error("a = \"\"\"").contains('\n'));
    }
}
