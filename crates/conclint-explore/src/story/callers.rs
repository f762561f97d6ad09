//! Which line of the project led to a step inside of a dependency.
//!
//! The runtime hands over return addresses; the lines are those that the debug information of the
//! test binary gives them. A binary without any, or a step that no line of the project leads to (a
//! thread of the dependency's own), is not guessed at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use addr2line::Loader;

use super::sources::is_source;
use crate::answer::Place;

/// Lines by addresses of one binary.
pub(crate) struct Callers {
    /// The directory of the project, whose lines count.
    root: PathBuf,
    loader: Option<Loader>,
    known: BTreeMap<u32, Vec<Place>>,
}

impl Callers {
    /// Of the binary `executable`, for lines below `root`.
    pub(crate) fn of(executable: &Path, root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            loader: Loader::new(executable).ok(),
            known: BTreeMap::new(),
        }
    }

    /// Where nothing is known of the binary.
    pub(crate) fn unknown() -> Self {
        Self {
            root: PathBuf::new(),
            loader: None,
            known: BTreeMap::new(),
        }
    }

    /// The innermost call in `frames` that stands in the project.
    pub(crate) fn own(&mut self, frames: &[u32]) -> Option<Place> {
        let root = self.root.clone();
        self.first(frames, |path| path.strip_prefix(&root).is_ok_and(is_source))
    }

    /// The innermost call in `frames` that is neither ours nor std's.
    pub(crate) fn outside(&mut self, frames: &[u32]) -> Option<Place> {
        self.first(frames, |path| {
            let path = path.to_string_lossy();
            !path.contains("/library/") && !path.contains("/conclint-")
        })
    }

    fn first(&mut self, frames: &[u32], wanted: impl Fn(&Path) -> bool) -> Option<Place> {
        frames.iter().find_map(|address| {
            let lines = self.lines(*address);
            lines.iter().find(|p| wanted(Path::new(&p.file))).cloned()
        })
    }

    /// The lines of a return address, of inlined calls innermost first.
    fn lines(&mut self, address: u32) -> &[Place] {
        let loader = self.loader.as_ref();
        self.known.entry(address).or_insert_with(|| {
            // The call stands before the address that it returns to.
            let call = u64::from(address).saturating_sub(1);
            let frames = loader.and_then(|l| l.find_frames(call).ok());
            let mut lines = Vec::new();
            let Some(mut frames) = frames else {
                return lines;
            };
            while let Ok(Some(frame)) = frames.next() {
                if let Some(at) = frame.location
                    // What the compiler adds has a line of its crate's, and no column.
                    && let (Some(file), Some(line), Some(column)) = (at.file, at.line, at.column)
                {
                    lines.push(Place {
                        file: file.to_owned(),
                        line,
                        column,
                    });
                }
            }
            lines
        })
    }
}
