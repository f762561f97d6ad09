//! Narrows a run down to what matters now: what the baseline does not know,
//! and what touches changed lines.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use conclint_diag::{Finding, Places, Summary};

use crate::baseline::{Baseline, Names};
use crate::changes::{Changes, Text};
use crate::find::slashes;
use crate::{Error, Settings};

/// What narrows a run down; nothing by default.
#[derive(Debug, Default)]
pub(crate) struct Narrow {
    /// With the directory it lies in.
    baseline: Option<(Baseline, PathBuf)>,
    revision: Option<String>,
    base: PathBuf,
}

impl Narrow {
    /// Reads the baseline that `settings` name. A file that is named by the
    /// configuration and does not exist knows nothing: a project may begin
    /// with an empty one. A file named on the command line must exist.
    pub(crate) fn new(
        settings: &Settings,
        revision: Option<String>,
        base: &Path,
    ) -> Result<Self, Error> {
        let baseline = match &settings.baseline {
            None => None,
            Some(file) if !file.required && !file.path.exists() => None,
            Some(file) => {
                let dir = directory(&file.path);
                Some((Baseline::load(&file.path)?, dir))
            }
        };
        Ok(Narrow {
            baseline,
            revision,
            base: base.to_owned(),
        })
    }

    /// Takes out what is not asked for and counts it.
    pub(crate) fn apply(
        &self,
        findings: &mut Vec<Finding>,
        texts: &[(Arc<str>, Arc<str>)],
        summary: &mut Summary,
    ) -> Result<(), Error> {
        if let Some((baseline, dir)) = &self.baseline {
            let names = Names::new(&self.base, dir);
            summary.in_baseline = baseline.hide(findings, &names);
        }
        if let Some(revision) = &self.revision {
            let changes = self.changes(revision, findings, texts)?;
            let before = findings.len();
            findings.retain(|finding| changes.touch(finding));
            summary.unchanged = before - findings.len();
        }
        Ok(())
    }

    /// Changes in the files that findings name.
    fn changes(
        &self,
        revision: &str,
        findings: &[Finding],
        texts: &[(Arc<str>, Arc<str>)],
    ) -> Result<Changes, Error> {
        let root = self
            .base
            .ancestors()
            .find(|dir| dir.join(".git").exists())
            .ok_or_else(|| Error::Revision {
                revision: revision.to_owned(),
                reason: "no git repository here".to_owned(),
            })?;
        let places = Places {
            base: slashes(&self.base),
            here: String::new(),
            root: slashes(root),
        };
        let named: std::collections::BTreeSet<&str> = findings
            .iter()
            .flat_map(|finding| &finding.paths)
            .flat_map(|path| &path.steps)
            .map(|step| &*step.span.file)
            .collect();
        let texts: Vec<Text<'_>> = texts
            .iter()
            .filter(|(file, _)| named.contains(&**file))
            .map(|(file, text)| Text {
                shown: file,
                in_repository: places.from_root(file),
                now: text,
            })
            .collect();
        Changes::since(revision, root, &texts)
    }
}

/// The directory a file lies in, absolute.
pub fn directory(file: &Path) -> PathBuf {
    let dir = match file.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned())
}
