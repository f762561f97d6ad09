//! Which line of the project led to a step inside of a dependency.
//!
//! The runtime hands over return addresses; the lines are those that the debug information of the
//! test binary gives them. A binary without any, or a step that no line of the project leads to (a
//! thread of the dependency's own), is not guessed at.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use addr2line::Loader;

use super::sources::{is_ours, is_source};
use crate::answer::{Held, Place, Stuck};

/// A line that is called from, or that calls.
#[derive(Clone, Debug)]
struct Line {
    place: Place,
    /// The function that the line stands in, shortened.
    function: String,
}

/// A call of the project's own text into another crate.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub place: Place,
    /// What is called, `Mutex::lock`; empty where it is not known.
    pub callee: String,
}

/// What the call stacks say of a thread that cannot go on.
#[derive(Clone, Debug, Default)]
pub(super) struct Wait {
    /// Where the project called what waits, where that is in another crate.
    pub call: Option<Call>,
    /// Locks of other crates that it took last.
    pub took: Vec<Held>,
}

/// Lines by addresses of one binary.
pub(crate) struct Callers {
    executable: PathBuf,
    /// The directory of the project, whose lines count.
    root: PathBuf,
    /// Read when the first line is asked for: most tests pass.
    loader: OnceCell<Option<Loader>>,
    known: BTreeMap<u32, Vec<Line>>,
}

impl Callers {
    /// Of the binary `executable`, for lines below `root`.
    pub(crate) fn of(executable: &Path, root: &Path) -> Self {
        Self {
            executable: executable.to_owned(),
            root: root.to_owned(),
            loader: OnceCell::new(),
            known: BTreeMap::new(),
        }
    }

    /// Where nothing is known of the binary.
    pub(crate) fn unknown() -> Self {
        Self {
            executable: PathBuf::new(),
            root: PathBuf::new(),
            loader: OnceCell::from(None),
            known: BTreeMap::new(),
        }
    }

    /// The part of `frames` from the innermost call on that stands in the project.
    fn own_part<'f>(&mut self, frames: &'f [u32]) -> &'f [u32] {
        self.read(frames);
        let own = |line: &Line| {
            let path = Path::new(&line.place.file);
            path.strip_prefix(&self.root).is_ok_and(is_source)
        };
        let begin = frames
            .iter()
            .position(|f| self.known.get(f).is_some_and(|lines| lines.iter().any(own)));
        begin.map_or(&[], |begin| &frames[begin..])
    }

    /// The innermost call in `frames` that stands in the project.
    pub(super) fn own(&mut self, frames: &[u32]) -> Option<Call> {
        self.read(frames);
        let mut callee = "";
        for line in self.lines(frames) {
            let path = Path::new(&line.place.file);
            if path.strip_prefix(&self.root).is_ok_and(is_source) {
                return Some(Call {
                    place: line.place.clone(),
                    callee: callee.to_owned(),
                });
            }
            callee = &line.function;
        }
        None
    }

    /// The innermost call in `frames` that is neither ours nor std's.
    pub(super) fn outside(&mut self, frames: &[u32]) -> Option<Place> {
        self.read(frames);
        let foreign = |file: &str| !file.contains("/library/") && !is_ours(file);
        let mut lines = self.lines(frames);
        let line = lines.find(|line| foreign(&line.place.file));
        line.map(|line| line.place.clone())
    }

    /// What is known of a thread that cannot go on; `all` are those that cannot.
    pub(super) fn wait(&mut self, stuck: &Stuck, all: &[Stuck]) -> Wait {
        let call = self.own_part(&stuck.frames).to_vec();
        let others = |object: &str| {
            let mut others = all.iter().filter(|other| other.thread != stuck.thread);
            others.any(|other| other.took.iter().any(|t| t.object == object))
        };
        let took = stuck.took.iter().filter_map(|taken| {
            // A writer that has shut the door and waits for the readers inside holds nothing yet.
            let same_call = !call.is_empty() && taken.frames.ends_with(&call);
            if same_call && taken.object == stuck.object && others(&taken.object) {
                return None;
            }
            let place = self.own(&taken.frames)?.place;
            let object = taken.object.clone();
            Some(Held { object, place })
        });
        Wait {
            took: took.collect(),
            call: self.own(&stuck.frames),
        }
    }

    /// The lines of `frames` that have been [`read`](Self::read), innermost first.
    fn lines(&self, frames: &[u32]) -> impl Iterator<Item = &Line> {
        frames.iter().filter_map(|f| self.known.get(f)).flatten()
    }

    /// Finds the lines of return addresses, of inlined calls innermost first.
    fn read(&mut self, frames: &[u32]) {
        let open = || Loader::new(&self.executable).ok();
        for address in frames {
            if !self.known.contains_key(address) {
                let loader = self.loader.get_or_init(open).as_ref();
                let lines = loader.map_or_else(Vec::new, |l| lines_at(l, *address));
                self.known.insert(*address, lines);
            }
        }
    }
}

fn lines_at(loader: &Loader, address: u32) -> Vec<Line> {
    let mut lines = Vec::new();
    // The call stands before the address that it returns to.
    let call = u64::from(address).saturating_sub(1);
    let Ok(mut frames) = loader.find_frames(call) else {
        return lines;
    };
    while let Ok(Some(frame)) = frames.next() {
        if let Some(at) = frame.location
            // What the compiler adds has a line of its crate's, and no column or 0.
            && let (Some(file), Some(line), Some(column @ 1..)) = (at.file, at.line, at.column)
        {
            let name = frame.function.as_ref().map(|f| f.demangle());
            lines.push(Line {
                place: Place {
                    file: file.to_owned(),
                    line,
                    column,
                },
                function: match name {
                    Some(Ok(name)) => short(&name),
                    _ => String::new(),
                },
            });
        }
    }
    lines
}

/// `lock_api::mutex::Mutex<R,T>::lock::h0123456789abcdef`: `Mutex::lock`.
fn short(path: &str) -> String {
    let mut parts: Vec<String> = vec![String::new()];
    let mut depth = 0_usize;
    let mut chars = path.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // `<a::B<C> as d::E>::f`: the type stands for its path.
            '<' if depth == 0 && parts.iter().all(String::is_empty) => {}
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            ' ' if depth == 0 => depth += 1,
            ':' if depth == 0 && chars.peek() == Some(&':') => {
                chars.next();
                parts.push(String::new());
            }
            c if depth == 0 => parts.last_mut().into_iter().for_each(|p| p.push(c)),
            _ => {}
        }
    }
    let hash = |p: &String| p.len() == 17 && p.starts_with('h');
    parts.retain(|p| !p.is_empty() && !hash(p));
    let last = parts.len().saturating_sub(2);
    parts[last..].join("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_callees() {
        let legacy = "lock_api::mutex::Mutex<R,T>::lock::h0123456789abcdef";
        assert_eq!(short(legacy), "Mutex::lock");
        let v0 = "<lock_api::mutex::Mutex<parking_lot::raw_mutex::RawMutex, i32>>::lock";
        assert_eq!(short(v0), "Mutex::lock");
        let of_trait = "<a::Latch as b::Wait>::wait";
        assert_eq!(short(of_trait), "Latch::wait");
        assert_eq!(short(""), "");
    }
}
