//! Sources of a commit, out of a bare git directory.
//!
//! Runs `git` to read objects and nothing else: no work tree, no network, no
//! hooks. Objects that the directory does not have are named, never fetched.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};

/// A source file in memory.
#[derive(Debug, Clone)]
pub struct Source {
    /// Relative to the root of the repository, with `/`.
    pub path: String,
    pub bytes: Vec<u8>,
}

/// The Rust sources and manifests of one commit, by path.
#[derive(Debug, Default)]
pub struct Tree {
    pub files: Vec<Source>,
    /// Paths whose content the mirror does not have.
    pub absent: Vec<String>,
}

/// A repository's bare git directory.
#[derive(Debug, Clone)]
pub struct Mirror {
    git_dir: PathBuf,
}

impl Mirror {
    /// The mirror of `owner/name` below `mirrors`, where there is one.
    pub fn open(mirrors: &Path, repository: &str) -> Option<Mirror> {
        let git_dir = mirrors.join(repository.replace('/', "+")).join("repo");
        let inner = git_dir.join(".git");
        let git_dir = if inner.is_dir() { inner } else { git_dir };
        git_dir
            .join("objects")
            .is_dir()
            .then_some(Mirror { git_dir })
    }

    /// Reads `*.rs` and `Cargo.toml` at `commit`.
    pub fn tree(&self, commit: &str) -> Result<Tree> {
        let listing = self
            .git(&["ls-tree", "-r", "-z", "--full-tree", commit])
            .with_context(|| format!("commit {commit} is not in the mirror"))?;
        let entries = || listing.split(|&byte| byte == 0);
        let vendored: BTreeSet<&str> = entries().filter_map(vendored_package).collect();
        let is_vendored = |path: &str| {
            let mut ends = path.match_indices('/').map(|(end, _)| end);
            ends.any(|end| path.get(..end).is_some_and(|dir| vendored.contains(dir)))
        };
        let mut blobs: Vec<(String, String)> = entries()
            .filter_map(blob_of_interest)
            .filter(|(_, path)| vendored.is_empty() || !is_vendored(path))
            .collect();
        // Git lists in byte order of whole paths; so does the check.
        blobs.sort_by(|a, b| a.1.cmp(&b.1));
        self.read(&blobs)
    }

    /// How the lines of `file` moved from one commit to another.
    pub fn line_map(&self, from: &str, to: &str, file: &str) -> Option<LineMap> {
        let diff = self
            .git(&[
                "diff",
                "--no-ext-diff",
                "--no-textconv",
                "--no-color",
                "-U0",
                from,
                to,
                "--",
                file,
            ])
            .ok()?;
        let diff = String::from_utf8_lossy(&diff);
        // A deleted file has no lines to map to.
        (!diff.contains("\ndeleted file mode ")).then(|| LineMap::parse(&diff))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .arg("--git-dir")
            .arg(&self.git_dir)
            .args(arguments)
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    fn git(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        let output = self.command(arguments).output().context("cannot run git")?;
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr);
            bail!("git: {}", reason.lines().next().unwrap_or("failed"));
        }
        Ok(output.stdout)
    }

    fn read(&self, blobs: &[(String, String)]) -> Result<Tree> {
        let mut child = self
            .command(&["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot run git")?;
        let mut stdin = child.stdin.take().context("git has no standard input")?;
        let stdout = child.stdout.take().context("git has no standard output")?;
        let tree = thread::scope(|scope| {
            // Written aside: git answers while it is still being asked.
            scope.spawn(move || {
                for (object, _) in blobs {
                    if writeln!(stdin, "{object}").is_err() {
                        break;
                    }
                }
            });
            read_batch(BufReader::new(stdout), blobs)
        });
        child.wait().context("git did not end")?;
        tree
    }
}

/// The directory of a package that `cargo vendor` put there, by the entry of the
/// file that says so: the check leaves those out.
fn vendored_package(entry: &[u8]) -> Option<&str> {
    let entry = std::str::from_utf8(entry).ok()?;
    let (_, path) = entry.split_once('\t')?;
    path.strip_suffix("/.cargo-checksum.json")
}

/// The object and the path of a `ls-tree -z` entry, where it is a regular
/// file that the check reads.
fn blob_of_interest(entry: &[u8]) -> Option<(String, String)> {
    let entry = std::str::from_utf8(entry).ok()?;
    let (meta, path) = entry.split_once('\t')?;
    let mut meta = meta.split(' ');
    let (mode, kind, object) = (meta.next()?, meta.next()?, meta.next()?);
    let name = path.rsplit('/').next()?;
    let wanted = name == "Cargo.toml" || name.ends_with(".rs");
    (kind == "blob" && mode.starts_with("100") && wanted)
        .then(|| (object.to_owned(), path.to_owned()))
}

fn read_batch(mut output: impl BufRead, blobs: &[(String, String)]) -> Result<Tree> {
    let mut tree = Tree::default();
    let mut head = String::new();
    for (object, path) in blobs {
        head.clear();
        output.read_line(&mut head)?;
        let mut words = head.split_whitespace();
        if words.next() != Some(object) {
            bail!("git stopped before {path}");
        }
        match (words.next(), words.next().map(str::parse::<usize>)) {
            (Some("missing"), _) => tree.absent.push(path.clone()),
            (Some("blob"), Some(Ok(size))) => {
                let mut bytes = vec![0; size];
                output.read_exact(&mut bytes)?;
                output.read_exact(&mut [0])?;
                tree.files.push(Source {
                    path: path.clone(),
                    bytes,
                });
            }
            _ => bail!("git answers `{}` for {path}", head.trim_end()),
        }
    }
    Ok(tree)
}

/// Where lines of one version of a file are in another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineMap {
    /// Old start and length, new start and length, as in a diff without context.
    hunks: Vec<[u32; 4]>,
}

impl LineMap {
    fn parse(diff: &str) -> LineMap {
        let hunks = diff.lines().filter_map(|line| {
            let ranges = line.strip_prefix("@@ -")?.split(" @@").next()?;
            let (old, new) = ranges.split_once(" +")?;
            let range = |text: &str| -> Option<(u32, u32)> {
                let (start, length) = text.split_once(',').unwrap_or((text, "1"));
                Some((start.parse().ok()?, length.parse().ok()?))
            };
            let ((old_start, old_len), (new_start, new_len)) = (range(old)?, range(new)?);
            Some([old_start, old_len, new_start, new_len])
        });
        LineMap {
            hunks: hunks.collect(),
        }
    }

    /// The first and the last line that the old `line` may have become: itself,
    /// moved, or the lines it was replaced by.
    pub fn image(&self, line: u32) -> (u32, u32) {
        let mut shift = 0_i64;
        for &[old_start, old_len, new_start, new_len] in &self.hunks {
            // A hunk without old lines stands after `old_start`.
            let first = if old_len == 0 {
                old_start + 1
            } else {
                old_start
            };
            if line < first {
                break;
            }
            if line < first + old_len {
                return (new_start, new_start + new_len.saturating_sub(1));
            }
            shift += i64::from(new_len) - i64::from(old_len);
        }
        let moved = u32::try_from(i64::from(line) + shift).unwrap_or(line);
        (moved, moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_rust_files_and_manifests_count() {
        let object = "0123456789012345678901234567890123456789";
        let entry = |mode, kind, path| {
            blob_of_interest(format!("{mode} {kind} {object}\t{path}").as_bytes())
        };
        assert!(entry("100644", "blob", "src/a.rs").is_some());
        assert!(entry("100755", "blob", "a/Cargo.toml").is_some());
        assert!(entry("120000", "blob", "link.rs").is_none());
        assert!(entry("160000", "commit", "sub.rs").is_none());
        assert!(entry("100644", "blob", "xCargo.toml").is_none());
        assert!(entry("100644", "blob", "README.md").is_none());
        assert!(blob_of_interest(b"").is_none());
    }

    #[test]
    fn a_batch_names_what_is_missing() {
        let blobs = ["a", "b", "c"].map(|name| (name.to_owned(), format!("{name}.rs")));
        let output = b"a blob 3\nx\ny\nb missing\nc blob 0\n\n";
        let tree = read_batch(&output[..], &blobs).unwrap();
        assert_eq!(tree.absent, ["b.rs"]);
        assert_eq!(tree.files.len(), 2);
        assert_eq!(tree.files[0].bytes, b"x\ny");
        assert!(read_batch(&b"a blob 3\nx"[..], &blobs).is_err());
    }

    #[test]
    fn lines_move_with_a_diff() {
        let map = LineMap::parse("@@ -3,2 +3,0 @@ fn\n-a\n-b\n@@ -10 +8,3 @@\n@@ -20,0 +21,2 @@\n");
        assert_eq!(map.image(2), (2, 2));
        assert_eq!(map.image(3), (3, 3));
        assert_eq!(map.image(5), (3, 3));
        assert_eq!(map.image(9), (7, 7));
        assert_eq!(map.image(10), (8, 10));
        assert_eq!(map.image(20), (20, 20));
        assert_eq!(map.image(21), (23, 23));
        assert_eq!(LineMap::parse("").image(7), (7, 7));
    }
}
