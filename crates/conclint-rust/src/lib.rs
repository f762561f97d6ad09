//! Rust source to concurrency facts.
//!
//! ```text
//! texts -> parse (per file, parallel) -> hir -> workspace (crates, modules)
//!       -> index (names, types) -> lower (per function, parallel) -> conclint_facts::Program
//! ```
//!
//! Everything happens in memory on the texts that were given: nothing is run,
//! nothing is read from disk, and no input makes it fail. What was not
//! understood is in [`Program::unread`].

#[cfg_attr(
    not(test),
    expect(
        dead_code,
        reason = "the picture of a file is whole, and the parser's tests read all of it"
    )
)]
mod hir;
mod index;
mod lower;
mod parse;
mod table;
mod workspace;

use std::sync::Arc;

use conclint_facts::Program;
use rayon::prelude::*;

pub use table::{GuardWrap, LockTypeConfig};
pub use workspace::{ManifestInput, SourceInput};

/// What to read.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// Rust files.
    pub sources: Vec<SourceInput>,
    /// `Cargo.toml` files: crates, editions and dependencies come from them.
    pub manifests: Vec<ManifestInput>,
    /// Lock types besides the built-in ones.
    pub lock_types: Vec<LockTypeConfig>,
}

/// The large trees that a program was read from; nobody needs them any more. To
/// take them apart takes time: drop them where nobody waits for it.
#[derive(Debug)]
pub struct Leftovers {
    _trees: (Vec<workspace::File>, index::Index),
}

/// Reads a code base. Uses the current rayon pool; the result does not depend
/// on its size. Call it from threads with a stack of 16 MiB or more: nested
/// code is walked recursively.
pub fn read(input: Input) -> (Program, Leftovers) {
    let macros = parse::Definitions::of(&input.sources);
    let files = input
        .sources
        .par_iter()
        .with_max_len(1)
        .map(|source| {
            let path: Arc<str> = source.path.clone();
            let seen = macros.file(&path);
            workspace::ParsedFile {
                path,
                hir: parse::parse_source(&source.text, &seen),
            }
        })
        .collect();
    let mut ws = workspace::Workspace::build(&input.manifests, files);
    let texts: rustc_hash::FxHashMap<&str, &str> = input
        .sources
        .iter()
        .map(|source| (&*source.path, &*source.text))
        .collect();
    let (unreached, index) = rayon::join(
        || workspace::unreached::find(&ws, |path| texts.get(path).copied()),
        || index::Index::build(&ws),
    );
    for file in unreached {
        ws.files[file].unreached = true;
    }
    let table = table::LockTable::new(&input.lock_types);
    let mut program = lower::program(&ws, &index, &table);
    program.problems = ws
        .problems
        .into_iter()
        .map(|problem| conclint_facts::InputProblem {
            path: problem.path,
            line: problem.line,
            message: problem.message,
        })
        .collect();
    let leftovers = Leftovers {
        _trees: (ws.files, index),
    };
    (program, leftovers)
}
