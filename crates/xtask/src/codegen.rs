//! `cargo xtask codegen`: writes the lint registry from the folder listing.
//!
//! A lint is a folder of `crates/conclint-lints/src` with a `lint.md`; nothing
//! else has to know of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

/// Write the lint registry from the folders of conclint-lints.
#[derive(Debug, Args)]
pub struct Codegen {
    /// Write nothing; fail when the registry is stale.
    #[arg(long)]
    check: bool,
}

impl Codegen {
    /// Writes the registry.
    pub fn write() -> Result<()> {
        Codegen { check: false }.run()
    }

    /// Runs the command.
    pub fn run(&self) -> Result<()> {
        let lints = scan(&lints_dir())?;
        let path = registry_path();
        let want = registry(&lints);
        let have = fs::read_to_string(&path).unwrap_or_default();
        if have == want {
            println!("{} lints, the registry is up to date", lints.len());
        } else if self.check {
            bail!("{} is stale: run `cargo xtask codegen`", path.display());
        } else {
            fs::write(&path, want).with_context(|| format!("cannot write {}", path.display()))?;
            println!("{} lints written to the registry", lints.len());
        }
        Ok(())
    }
}

/// A lint's folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LintFolder {
    /// Its code: the registry's order.
    pub code: String,
    /// The folder's and the module's name.
    pub module: String,
}

/// `crates/conclint-lints/src`.
pub fn lints_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../conclint-lints/src")
}

fn registry_path() -> PathBuf {
    lints_dir().join("registry.rs")
}

/// The lints' folders in `dir`, by code.
pub fn scan(dir: &Path) -> Result<Vec<LintFolder>> {
    let mut lints = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let folder = entry?.path();
        if !folder.join("lint.md").is_file() {
            continue;
        }
        let Some(module) = folder.file_name().and_then(|name| name.to_str()) else {
            bail!("{} is no module name", folder.display());
        };
        let source = folder.join("mod.rs");
        let text = fs::read_to_string(&source)
            .with_context(|| format!("cannot read {}", source.display()))?;
        let code = declared(&text, "code")
            .with_context(|| format!("{} declares no `code`", source.display()))?;
        let name = declared(&text, "name")
            .with_context(|| format!("{} declares no `name`", source.display()))?;
        if name.replace('-', "_") != module {
            bail!("the lint `{name}` lies in a folder `{module}`");
        }
        lints.push(LintFolder {
            code: code.to_owned(),
            module: module.to_owned(),
        });
    }
    lints.sort();
    if let Some(pair) = lints.windows(2).find(|pair| pair[0].code == pair[1].code) {
        bail!(
            "{} and {} have one code, {}",
            pair[0].module,
            pair[1].module,
            pair[0].code
        );
    }
    Ok(lints)
}

/// The string given to `field` in a lint's declaration.
fn declared<'t>(source: &'t str, field: &str) -> Option<&'t str> {
    let line = source
        .lines()
        .find_map(|line| line.trim_start().strip_prefix(field)?.strip_prefix(": \""))?;
    line.split('"').next()
}

/// The text of `registry.rs`.
fn registry(lints: &[LintFolder]) -> String {
    let mut text = String::from(
        "//! Every lint, by code. Written by `cargo xtask codegen` from the folders beside it.\n\nuse crate::Lint;\n\n",
    );
    // In the order rustfmt wants.
    let mut modules: Vec<&LintFolder> = lints.iter().collect();
    modules.sort_by_key(|lint| &lint.module);
    for lint in modules {
        text.push_str(&format!(
            "#[path = \"{0}/mod.rs\"]\nmod {0};\n",
            lint.module
        ));
    }
    text.push_str("\npub(crate) static LINTS: &[&Lint] = &[\n");
    for lint in lints {
        text.push_str(&format!("    &{}::LINT,\n", lint.module));
    }
    text.push_str("];\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_is_read_from_the_source() {
        let source = "pub static LINT: Lint = Lint {\n    name: \"double-lock\",\n    code: \"CL102\",\n};\n";
        assert_eq!(declared(source, "name"), Some("double-lock"));
        assert_eq!(declared(source, "code"), Some("CL102"));
        assert_eq!(declared(source, "level"), None);
    }

    #[test]
    fn the_registry_lists_by_code() {
        let lint = |code: &str, module: &str| LintFolder {
            code: code.to_owned(),
            module: module.to_owned(),
        };
        let text = registry(&[lint("CL101", "zebra"), lint("CL102", "ant")]);
        assert!(text.find("zebra::LINT") < text.find("ant::LINT"));
        assert!(text.contains("#[path = \"ant/mod.rs\"]\nmod ant;\n"));
    }

    #[test]
    fn the_registry_in_the_tree_is_up_to_date() {
        let lints = scan(&lints_dir()).expect("the lints can be listed");
        let have = fs::read_to_string(registry_path()).expect("the registry can be read");
        assert_eq!(have, registry(&lints), "run `cargo xtask codegen`");
    }
}
