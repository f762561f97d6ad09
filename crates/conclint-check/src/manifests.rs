//! `Cargo.toml` files above the paths that were given: a file or directory
//! inside a package has its edition and names from there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Adds the manifests that apply to `dir` and are found at or above it: the
/// nearest package and its workspace root. Stops at the root of the repository.
pub(crate) fn above(dir: &Path, limit: u64, out: &mut BTreeMap<PathBuf, String>) {
    let mut has_package = false;
    for dir in dir.ancestors() {
        let file = dir.join("Cargo.toml");
        if file.is_file()
            && let Ok(text) = crate::find::read_text(&file, limit)
        {
            let kind = kind(&text);
            if kind.workspace || (kind.package && !has_package) {
                out.insert(dir.to_owned(), text);
            }
            has_package |= kind.package;
            if kind.workspace {
                return;
            }
        }
        if dir.join(".git").exists() {
            return;
        }
    }
}

#[derive(Default)]
struct Tables {
    package: bool,
    workspace: bool,
}

/// A manifest that is no TOML has neither table; the front end says so when it
/// is one of those that were asked for.
fn kind(text: &str) -> Tables {
    text.parse::<toml::Table>().map_or_else(
        |_| Tables::default(),
        |table| Tables {
            package: table.contains_key("package"),
            workspace: table.contains_key("workspace"),
        },
    )
}
