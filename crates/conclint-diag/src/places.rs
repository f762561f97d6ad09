//! Paths for those who stand elsewhere.
//!
//! A finding names files relative to the directory that was given on the
//! command line. A code host wants them relative to the root of the
//! repository, an editor relative to where the command ran: a report of
//! `conclint crates/a` must still point into `crates/a`.

/// Directories as absolute paths with `/`; all empty where nothing is known,
/// which leaves every path as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// What the paths of findings are relative to.
    pub base: String,
    /// Where the command runs.
    pub here: String,
    /// The root of the repository, or where the command runs.
    pub root: String,
}

impl Places {
    /// `path` of a finding, from where the command runs.
    pub fn from_here(&self, path: &str) -> String {
        relative(&self.here, &self.absolute(path))
    }

    /// `path` of a finding, from the root of the repository.
    pub fn from_root(&self, path: &str) -> String {
        relative(&self.root, &self.absolute(path))
    }

    /// `path` of a finding, from the directory `dir` (absolute, with `/`).
    pub fn from_dir(&self, dir: &str, path: &str) -> String {
        relative(dir, &self.absolute(path))
    }

    fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') || self.base.is_empty() {
            path.to_owned()
        } else {
            format!("{}/{path}", self.base)
        }
    }
}

/// `to` as seen from `from`; empty steps, `.` and `..` taken out.
fn relative(from: &str, to: &str) -> String {
    let (from, to) = (steps(from), steps(to));
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from.iter().skip(common).map(|_| "..");
    let steps: Vec<&str> = up.chain(to.into_iter().skip(common)).collect();
    steps.join("/")
}

fn steps(path: &str) -> Vec<&str> {
    let mut out: Vec<&str> = Vec::new();
    if path.starts_with('/') {
        out.push("");
    }
    for step in path.split('/') {
        match step {
            "" | "." => {}
            ".." if out.last().is_some_and(|last| !matches!(*last, "" | "..")) => {
                out.pop();
            }
            step => out.push(step),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(base: &str, here: &str, root: &str) -> Places {
        Places {
            base: base.to_owned(),
            here: here.to_owned(),
            root: root.to_owned(),
        }
    }

    #[test]
    fn nothing_known_leaves_paths_alone() {
        let places = Places::default();
        assert_eq!(places.from_root("src/lib.rs"), "src/lib.rs");
        assert_eq!(places.from_here("./src/lib.rs"), "src/lib.rs");
    }

    #[test]
    fn a_directory_below_is_put_in_front() {
        let places = places("/w/repo/crates/a", "/w/repo/crates", "/w/repo");
        assert_eq!(places.from_here("src/lib.rs"), "a/src/lib.rs");
        assert_eq!(places.from_root("src/lib.rs"), "crates/a/src/lib.rs");
        assert_eq!(places.from_root("../b/x.rs"), "crates/b/x.rs");
        assert_eq!(places.from_dir("/w/other", "x.rs"), "../repo/crates/a/x.rs");
    }

    #[test]
    fn absolute_and_outside_paths() {
        let places = places("/w/repo", "/w/repo/a", "/w/repo");
        assert_eq!(places.from_root("/w/repo/src/x.rs"), "src/x.rs");
        assert_eq!(places.from_here("/w/repo/src/x.rs"), "../src/x.rs");
        assert_eq!(places.from_root("/elsewhere/x.rs"), "../../elsewhere/x.rs");
    }
}
