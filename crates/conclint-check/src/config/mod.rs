//! `conclint.toml`: where it is found, and how it and the command line make
//! up the settings of a run.
//!
//! The nearest file wins, from the paths given upwards to the root of the
//! repository. Files are not merged, and nothing outside the tree counts: the
//! same checkout gives the same findings on every machine.

mod parse;
mod show;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use conclint_diag::Confidence;
use conclint_lints::Level;

use crate::find::read_text;
use crate::{BaselineFile, ConfigError, Error, FailOn, Partition, Request, Settings, names};

pub use show::show;

/// JSON schema of the file.
pub const SCHEMA: &str = include_str!("schema.json");

/// The name of the file.
pub const FILE_NAME: &str = "conclint.toml";

/// More than anyone writes by hand.
const MAX_BYTES: u64 = 1 << 20;

/// Where settings come from.
#[derive(Debug, Clone, Default)]
pub enum Source {
    /// The nearest `conclint.toml`.
    #[default]
    Nearest,
    /// This file.
    File(PathBuf),
    /// Nowhere: defaults only. For code that is not trusted.
    Nothing,
}

/// What the command line says; wins over the file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--level`.
    pub level: Option<Level>,
    /// `--min-confidence`.
    pub min_confidence: Option<Confidence>,
    /// `--fail-on`.
    pub fail_on: Option<FailOn>,
    /// `--select`, names or codes.
    pub select: Option<Vec<String>>,
    /// `--ignore`, names or codes.
    pub ignore: Option<Vec<String>>,
    /// `--include-tests`.
    pub include_tests: Option<bool>,
    /// `--baseline`.
    pub baseline: Option<PathBuf>,
    /// `--partition`; no setting of the file.
    pub partition: Option<Partition>,
}

/// Where one setting comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// This line of the file.
    File(u32),
    /// The command line.
    Flag,
}

/// Settings and where they come from; a key without an origin is a default.
#[derive(Debug, Clone, Default)]
pub struct Resolved {
    /// The settings.
    pub settings: Settings,
    /// By key as in the file.
    pub origins: BTreeMap<String, Origin>,
    /// The file that was read.
    pub file: Option<String>,
}

/// The settings of a run.
pub fn resolve(request: &Request) -> Result<Resolved, Error> {
    let file = match &request.config {
        Source::Nearest => nearest(&request.paths)?,
        Source::File(path) => Some(path.clone()),
        Source::Nothing => None,
    };
    let mut resolved = match file {
        Some(path) => load(&path)?,
        None => Resolved::default(),
    };
    overlay(&mut resolved, &request.overrides)?;
    Ok(resolved)
}

fn load(path: &Path) -> Result<Resolved, ConfigError> {
    let shown = display(path);
    let text = read_text(path, MAX_BYTES).map_err(|message| ConfigError {
        file: shown.clone(),
        line: None,
        message,
    })?;
    let mut resolved = parse::parse(&shown, &text)?;
    resolved.settings.root = path.parent().map(|dir| {
        let dir = if dir.as_os_str().is_empty() {
            Path::new(".")
        } else {
            dir
        };
        fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned())
    });
    // Paths in the file are relative to the file.
    if let (Some(root), Some(baseline)) = (&resolved.settings.root, &mut resolved.settings.baseline)
    {
        baseline.path = root.join(&baseline.path);
    }
    Ok(resolved)
}

/// Relative to the current directory where it lies below it.
fn display(path: &Path) -> String {
    let here = std::env::current_dir().and_then(fs::canonicalize).ok();
    let relative = here
        .as_deref()
        .and_then(|here| path.strip_prefix(here).ok());
    crate::find::slashes(relative.unwrap_or(path))
}

/// The nearest file at or above what all paths have in common.
fn nearest(paths: &[PathBuf]) -> Result<Option<PathBuf>, Error> {
    let here = [PathBuf::from(".")];
    let paths = if paths.is_empty() { &here } else { paths };
    let mut base: Option<PathBuf> = None;
    for path in paths {
        let mut dir = fs::canonicalize(path).map_err(|_| Error::NoSuchPath(path.clone()))?;
        if !dir.is_dir() {
            dir.pop();
        }
        match &mut base {
            None => base = Some(dir),
            Some(base) => while !dir.starts_with(&*base) && base.pop() {},
        }
    }
    for dir in base.as_deref().into_iter().flat_map(Path::ancestors) {
        let file = dir.join(FILE_NAME);
        if file.is_file() {
            return Ok(Some(file));
        }
        if dir.join(".git").exists() {
            break;
        }
    }
    Ok(None)
}

fn overlay(resolved: &mut Resolved, flags: &Overrides) -> Result<(), Error> {
    let Resolved {
        settings, origins, ..
    } = resolved;
    let mut set = |key: &str| {
        origins.insert(key.to_owned(), Origin::Flag);
    };
    if let Some(level) = flags.level {
        settings.level = level;
        set("level");
    }
    if let Some(confidence) = flags.min_confidence {
        settings.min_confidence = confidence;
        set("min-confidence");
    }
    if let Some(fail_on) = flags.fail_on {
        settings.fail_on = fail_on;
        set("fail-on");
    }
    if let Some(select) = &flags.select {
        settings.select = lints(select)?;
        set("select");
    }
    if let Some(ignore) = &flags.ignore {
        settings.ignore = lints(ignore)?;
        set("ignore");
    }
    if let Some(include) = flags.include_tests {
        settings.include_tests = include;
        set("include-tests");
    }
    if let Some(path) = &flags.baseline {
        settings.baseline = Some(BaselineFile {
            path: path.clone(),
            required: true,
        });
        set("baseline");
    }
    settings.partition = flags.partition;
    Ok(())
}

fn lints(given: &[String]) -> Result<Vec<&'static str>, Error> {
    given
        .iter()
        .map(|name| Ok(names::lint(name)?.name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The schema and the reader agree on keys and words.
    #[test]
    fn the_schema_is_that_of_the_reader() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        let mut known: Vec<&str> = parse::KEYS.to_vec();
        known.sort_unstable();
        let mut keys: Vec<&str> = schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        keys.sort_unstable();
        assert_eq!(keys, known);
        let validator = jsonschema::validator_for(&schema).unwrap();
        let agree = |text: &str| {
            let value: toml::Value = toml::from_str(text).unwrap();
            let value = serde_json::to_value(value).unwrap();
            let read = parse::parse("x", text);
            assert_eq!(validator.is_valid(&value), read.is_ok(), "{text}: {read:?}");
            read.is_ok()
        };
        let words = [
            ("level", ["default", "pedantic", "grading"]),
            ("min-confidence", ["low", "medium", "high"]),
            ("fail-on", ["error", "warning", "never"]),
        ];
        for (key, words) in words {
            for word in words {
                assert!(agree(&format!("{key} = \"{word}\"")));
            }
            assert!(!agree(&format!("{key} = \"else\"")));
            assert!(!agree(&format!("{key} = 1")));
        }
        for good in [
            "lints.double-lock = 'deny'",
            "[lints.CL102]\nseverity = 'allow'",
            "[[lock-type]]\npath = 'a::B'\nshape = 'rwlock'\nguard = 'future'\nreentrant = true",
            "[[lock-order]]\nnames = ['a', 'b']",
            "baseline = 'b.toml'\nmax-file-bytes = 1\nexclude = ['x']\ninclude-tests = true",
        ] {
            assert!(agree(good));
        }
        for bad in [
            "lints.double-lock = 'forbid'",
            "[[lock-type]]\npath = 'a::B'",
            "[[lock-type]]\npath = 'a::B'\nshape = 'mutex'\nsize = 1",
            "[[lock-order]]\nnames = ['a']",
            "baseline = 1",
            "max-file-bytes = 0",
            "unknown = 1",
        ] {
            assert!(!agree(bad));
        }
    }

    fn request(paths: &[&Path]) -> Request {
        Request {
            paths: paths.iter().map(|p| p.to_path_buf()).collect(),
            ..Request::default()
        }
    }

    #[test]
    fn the_nearest_file_wins_and_the_repository_ends_the_search() {
        let dir = tempfile::tempdir().unwrap();
        let (outer, repo) = (dir.path(), dir.path().join("repo"));
        let deep = repo.join("a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::create_dir(repo.join(".git")).unwrap();
        fs::write(outer.join(FILE_NAME), "level = \"grading\"").unwrap();
        let level = |path: &Path| resolve(&request(&[path])).unwrap().settings.level;
        assert_eq!(level(&deep), Level::Default, "outside the repository");
        fs::write(
            repo.join(FILE_NAME),
            "level = \"pedantic\"\nfail-on = \"never\"",
        )
        .unwrap();
        assert_eq!(level(&deep), Level::Pedantic);
        fs::write(repo.join("a").join(FILE_NAME), "level = \"grading\"").unwrap();
        let resolved = resolve(&request(&[&deep])).unwrap();
        assert_eq!(
            (resolved.settings.level, resolved.settings.fail_on),
            (Level::Grading, FailOn::Warning)
        );
        assert_eq!(
            resolved.settings.root,
            fs::canonicalize(repo.join("a")).ok()
        );
        let both = resolve(&request(&[&deep, &repo])).unwrap();
        assert_eq!(
            both.settings.level,
            Level::Pedantic,
            "what both have in common"
        );
    }

    #[test]
    fn the_command_line_wins() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("other.toml");
        fs::write(&file, "level = \"grading\"\nselect = [\"CL102\"]").unwrap();
        let mut request = Request {
            config: Source::File(file),
            ..request(&[dir.path()])
        };
        request.overrides.select = Some(vec!["CL101".to_owned()]);
        let resolved = resolve(&request).unwrap();
        assert_eq!(resolved.settings.select, ["lock-order-inversion"]);
        assert_eq!(resolved.origins.get("select"), Some(&Origin::Flag));
        assert_eq!(resolved.origins.get("level"), Some(&Origin::File(1)));
        request.overrides.ignore = Some(vec!["double-lok".to_owned()]);
        assert!(
            matches!(resolve(&request), Err(Error::UnknownLint(e)) if e.suggestion == Some("double-lock"))
        );
    }

    #[test]
    fn a_file_that_is_missing_or_unreadable_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.toml");
        let at = |path: &Path| {
            resolve(&Request {
                config: Source::File(path.to_owned()),
                ..request(&[dir.path()])
            })
        };
        assert!(
            matches!(at(&file), Err(Error::Config(e)) if e.message == "no such file or directory")
        );
        fs::write(&file, b"\xff").unwrap();
        assert!(matches!(at(&file), Err(Error::Config(e)) if e.message.starts_with("not UTF-8")));
        let nowhere = dir.path().join("nowhere");
        assert!(matches!(
            resolve(&request(&[&nowhere])),
            Err(Error::NoSuchPath(_))
        ));
    }
}
