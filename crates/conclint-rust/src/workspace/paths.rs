//! Relative paths as text: always `/`, never the file system.

use std::sync::Arc;

use rustc_hash::FxHashMap;

/// The files given, looked up by path.
pub(super) struct FileSet<'a> {
    /// Sorted.
    pub(super) paths: &'a [Arc<str>],
    by_path: FxHashMap<&'a str, u32>,
}

impl<'a> FileSet<'a> {
    /// `paths` must be sorted.
    pub(super) fn new(paths: &'a [Arc<str>]) -> Self {
        let by_path = paths.iter().zip(0..).map(|(p, i)| (&**p, i)).collect();
        FileSet { paths, by_path }
    }

    /// The file `rel` as seen from directory `dir`.
    ///
    /// Below a manifest that lies `n` directories above the one given, the
    /// names of those `n` directories are not known: they are taken to be
    /// what the path says (`src/lib.rs` of `..` is `lib.rs`).
    pub(super) fn locate(&self, dir: &str, rel: &str) -> Option<u32> {
        let joined = join(dir, rel);
        if let Some(&found) = self.by_path.get(joined.as_str()) {
            return Some(found);
        }
        let mut rest = joined.as_str();
        let mut ups = 0;
        while let Some(shorter) = rest.strip_prefix("../") {
            rest = shorter;
            ups += 1;
        }
        for _ in 0..ups {
            rest = rest.split_once('/')?.1;
        }
        self.by_path.get(rest).copied()
    }

    /// Files below `dir`, with the part of their path behind it.
    pub(super) fn below(&self, dir: &str) -> impl Iterator<Item = (u32, &'a str)> + use<'a> {
        let prefix = if dir.is_empty() {
            String::new()
        } else {
            format!("{dir}/")
        };
        let start = self.paths.partition_point(|p| **p < *prefix);
        let paths = self.paths;
        (start..paths.len()).map_while(move |i| {
            let rest = paths.get(i)?.strip_prefix(prefix.as_str())?;
            Some((i as u32, rest))
        })
    }
}

/// `dir/rel` without `.` and inner `..`.
pub(super) fn join(dir: &str, rel: &str) -> String {
    let rel = rel.replace('\\', "/");
    let mut parts: Vec<&str> = Vec::new();
    for part in dir.split('/').chain(rel.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|p| *p != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// The directory of a path; empty at the top.
pub(super) fn dir_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

/// The last part of a path.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// The last part of a path without `.rs`.
pub(super) fn stem(path: &str) -> &str {
    let name = file_name(path);
    name.strip_suffix(".rs").unwrap_or(name)
}

/// The directory above; `..` above the one given.
pub(super) fn parent(dir: &str) -> String {
    join(dir, "..")
}

/// Whether a directory on the way is named as cargo names those of tests.
pub(super) fn in_test_dir(path: &str) -> bool {
    dir_of(path)
        .split('/')
        .any(|part| part == "tests" || part == "benches")
}

/// Whether a directory on the way, or the file, is named as people name what
/// only their tests use, though it is compiled as a library.
pub(super) fn is_test_support(path: &str) -> bool {
    let named = |part: &str| SUPPORT.contains(&part.replace('-', "_").as_str());
    let for_tests = |part: &str| {
        let part = part.replace('-', "_");
        // Helpers are built into releases often enough.
        part.starts_with("test_") && !part.starts_with("test_helper")
            || ["_test", "_tests", "_testing", "_test_harness"]
                .iter()
                .any(|end| part.ends_with(end))
    };
    in_test_dir(path)
        || named(stem(path))
        || dir_of(path)
            .split('/')
            .any(|part| named(part) || for_tests(part))
}

/// Names of modules and packages with helpers of tests.
const SUPPORT: &[&str] = &[
    "fuzz",
    "fuzz_targets",
    "fuzzing",
    "mock",
    "mocks",
    "test_support",
    "test_util",
    "test_utils",
    "testing",
    "testkit",
    "tests_common",
    "testutil",
    "testutils",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helpers_of_tests() {
        for path in [
            "components/test_raftstore/src/cluster.rs",
            "src/test_util/addr.rs",
            "src/engine/test_utils.rs",
            "tests/harness/src/main.rs",
            "lib/chain-testing/src/lib.rs",
        ] {
            assert!(is_test_support(path), "{path}");
        }
        for path in [
            "src/latest/mod.rs",
            "cli/tools/test/channel.rs",
            "src/contest.rs",
            "ethcore/src/test_helpers/test_client.rs",
            "crates/runner/src/testing_tool.rs",
        ] {
            assert!(!is_test_support(path), "{path}");
        }
    }
}
