//! One source text to [`HirFile`].
//!
//! Never fails: what cannot be read is named in [`HirFile::unread`]. A text
//! that does not parse as a whole is read item by item and member by member
//! (`recover`); deep nesting is measured first (`scan`) and read on a thread
//! with a stack to match; what says nothing is blanked (`quiet`), and most
//! bodies of functions are read without `syn` (`direct`). It does not resolve
//! names. Macros with known arguments are opened (`macros`), calls of the
//! program's own in expressions and statements are expanded (`expand`), of the
//! rest the arguments are tried.

mod attrs;
mod blocks;
mod comments;
mod direct;
mod expand;
mod exprs;
mod items;
mod known;
mod legacy;
mod macro_args;
mod macro_items;
mod macros;
mod pats;
mod quiet;
mod recover;
mod scan;
mod span;
#[cfg(test)]
mod tests;
mod tracks;
mod twins;
mod types;

use std::ops::Range;
use std::sync::Arc;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::hir::{Attrs, Generics, HirFile, Item, Path, Segment, Span, UnreadPart};
pub(crate) use expand::{Definitions, File as Seen};
use scan::{Piece, Scan};

/// How deep expressions may nest in the result: left-deep chains of calls and
/// operators count, too. Everything that walks the result may recurse.
pub const MAX_DEPTH: u32 = 500;
/// The same for types and patterns.
const MAX_TYPE_DEPTH: u32 = 100;
/// The same for items in items.
const MAX_ITEM_DEPTH: u32 = 60;
/// The same for macro calls in arguments of macros: each level is parsed anew.
const MAX_MACRO_DEPTH: u32 = 40;

/// Scan depth up to which the thread of the caller does: 4 MiB of stack in a
/// release build. A thread for each file costs more than its start: its allocator
/// is cold. A debug build, whose frames are ten times as large, has one all the
/// same: so it finds what a release build finds.
const SHALLOW: Option<u32> = if cfg!(debug_assertions) {
    None
} else {
    Some(1_500)
};
/// Scan depth beyond which an item is not read.
const ABYSS: u32 = 100_000;
/// Stack for one unit of scan depth: twice the most that was measured, over all
/// kinds of nesting.
const STACK_PER_DEPTH: usize = if cfg!(debug_assertions) {
    48 << 10
} else {
    4 << 10
};
/// Texts beyond this are read in parts, so that their tokens are not all in
/// memory together.
const PART: usize = 4 << 20;
/// An item beyond this is not read: its tokens would take gigabytes.
const LONGEST: usize = 16 << 20;

const TOO_DEEP: &str = "nested too deeply";

/// Reads one source file that sees these macros.
pub fn parse_source(text: &str, seen: &Seen) -> HirFile {
    parse(text, seen, true)
}

/// Reads a source file on its own.
#[cfg(test)]
pub fn parse_file(text: &str) -> HirFile {
    parse(text, &expand::seen_in(text), true)
}

/// `directly`: bodies of functions are read without `syn` where that can be.
/// The result is the same.
fn parse(text: &str, seen: &Seen, directly: bool) -> HirFile {
    let mut comments = comments::Comments::new(text);
    let scan = scan::scan(text, |range| comments.push(range));
    let mut file = HirFile {
        comments: comments.finish(),
        ..HirFile::default()
    };
    file.lines = lines(text);
    // Large texts are cut at places that the scan found.
    let quiet = Some(text)
        .filter(|text| text.len() <= PART)
        .and_then(|text| quiet::quiet(text, &scan));
    let places_hold = quiet.as_ref().is_none_or(|quiet| quiet.len() == text.len());
    let text = quiet.as_deref().unwrap_or(text);
    let mut read = || {
        if !(directly && places_hold && read_directly(text, &scan, seen, &mut file)) {
            read_text(text, &scan, seen, &mut file);
        }
    };
    if SHALLOW.is_some_and(|shallow| scan.depth <= shallow) {
        read();
        return file;
    }
    let depth = scan.depth.min(ABYSS) + expand::MAX_NESTING;
    let stack = (depth as usize * STACK_PER_DEPTH).max(64 << 20);
    let done = std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(stack);
        let reader = builder.spawn_scoped(scope, read);
        reader.is_ok_and(|reader| reader.join().is_ok())
    });
    if !done {
        file.unread.push(UnreadPart {
            span: start_of(1),
            what: "file".to_owned(),
            why: TOO_DEEP.to_owned(),
            mentions_lock: text.contains("lock"),
        });
    }
    file
}

/// Reads a whole text, bodies of functions first. Leaves everything as it was
/// where it does not parse: of an item that is given up, the body counts, too.
fn read_directly(text: &str, scan: &Scan, seen: &Seen, file: &mut HirFile) -> bool {
    let is_sound = scan.balance.is_even() && !text.starts_with('\u{feff}');
    if !is_sound || scan.depth > direct::DEPTH || text.len() > PART {
        return false;
    }
    let mut cx = Cx::new(0, seen);
    let rest = direct::read(text, &scan.bodies, &mut cx);
    let parsed = syn::parse_file(&rest);
    let is_read = parsed.is_ok();
    if let Ok(mut parsed) = parsed {
        cx.whole(&mut parsed, file);
    }
    proc_macro2::extra::invalidate_current_thread_spans();
    is_read
}

/// Reads all parts of a text on this thread.
fn read_text(text: &str, scan: &Scan, seen: &Seen, file: &mut HirFile) {
    if scan.depth <= ABYSS && text.len() <= PART {
        let whole = Piece {
            range: 0..text.len(),
            depth: scan.depth,
        };
        return read_part(text, &whole, 0, seen, file);
    }
    let mut line = 0_u32;
    for part in parts(text, &scan.pieces) {
        let source = text.get(part.range.clone()).unwrap_or("");
        read_part(source, &part, line, seen, file);
        line = line.saturating_add(count_lines(source));
    }
}

fn count_lines(text: &str) -> u32 {
    let newlines = memchr::memchr_iter(b'\n', text.as_bytes()).count();
    u32::try_from(newlines).unwrap_or(u32::MAX)
}

/// How many lines a text has; what follows the last newline is one, too.
fn lines(text: &str) -> u32 {
    let unfinished = !text.is_empty() && !text.ends_with('\n');
    count_lines(text).saturating_add(u32::from(unfinished))
}

fn start_of(line: u32) -> Span {
    Span {
        line,
        column: 1,
        end_line: line,
        end_column: 1,
    }
}

/// Joins top-level pieces into parts that end where a line ends; a piece beyond
/// the abyss is a part of its own.
fn parts(text: &str, pieces: &[Piece]) -> Vec<Piece> {
    let starts_item = |at: usize| {
        let rest = text.get(at..).unwrap_or("");
        let first = rest.trim_start().chars().next();
        rest.starts_with(['\n', '\r'])
            && first.is_none_or(|c| c.is_alphabetic() || matches!(c, '#' | '/'))
    };
    let mut out: Vec<Piece> = Vec::new();
    for piece in pieces {
        let Range { start, end } = piece.range;
        match out.last_mut() {
            Some(part)
                if part.depth.max(piece.depth) <= ABYSS
                    && (end - part.range.start <= PART || !starts_item(start)) =>
            {
                part.range.end = end;
                part.depth = part.depth.max(piece.depth);
            }
            _ => out.push(piece.clone()),
        }
    }
    out
}

/// Reads a part that starts at column 1 after `first_line` lines.
fn read_part(text: &str, part: &Piece, first_line: u32, seen: &Seen, file: &mut HirFile) {
    if part.depth > ABYSS || text.len() > LONGEST {
        let item = text.trim_start();
        let before = text.get(..text.len() - item.len()).unwrap_or("");
        let line = first_line
            .saturating_add(count_lines(before))
            .saturating_add(1);
        let why = if part.depth > ABYSS {
            TOO_DEEP
        } else {
            "too long"
        };
        file.unread.push(UnreadPart {
            span: start_of(line),
            what: "item".to_owned(),
            why: why.to_owned(),
            mentions_lock: text.contains("lock"),
        });
        return;
    }
    let mut cx = Cx::new(first_line, seen);
    match syn::parse_file(text) {
        Ok(mut parsed) => cx.whole(&mut parsed, file),
        Err(error) => {
            let (attrs, items) = recover::file(&mut cx, text, &error);
            cx.give(attrs, items, file);
        }
    }
    // Nothing of `syn` lives any more.
    proc_macro2::extra::invalidate_current_thread_spans();
}

fn merge_attrs(into: &mut Attrs, from: Attrs) {
    into.cfg.extend(from.cfg);
    into.test |= from.test;
    into.proc_macro |= from.proc_macro;
    into.path = into.path.take().or(from.path);
    into.no_std = into.no_std.take().or(from.no_std);
}

/// The state of a conversion.
struct Cx {
    unread: Vec<UnreadPart>,
    /// Lines of the file before this text.
    first_line: u32,
    depth: u32,
    type_depth: u32,
    item_depth: u32,
    macro_depth: u32,
    /// How many items stood in bodies so far.
    stmt_items: usize,
    /// The last function seen, for what has no place of its own.
    here: Span,
    /// Those that were read already.
    bodies: direct::Bodies,
    /// The program's own macros.
    expander: expand::Expander,
    /// Shared by the many items without generics.
    no_generics: Arc<Generics>,
}

impl Cx {
    fn new(first_line: u32, seen: &Seen) -> Self {
        Self {
            unread: Vec::new(),
            first_line,
            depth: 0,
            type_depth: 0,
            item_depth: 0,
            macro_depth: 0,
            stmt_items: 0,
            here: Span::default(),
            bodies: direct::Bodies::default(),
            expander: expand::Expander::new(seen.clone()),
            no_generics: Arc::default(),
        }
    }

    fn whole(&mut self, parsed: &mut syn::File, file: &mut HirFile) {
        let items = self.items(&mut parsed.items);
        self.give(attrs::attrs(&parsed.attrs), items, file);
    }

    /// Adds what was read to `file`.
    fn give(&mut self, attrs: Attrs, mut items: Vec<Item>, file: &mut HirFile) {
        merge_attrs(&mut file.attrs, attrs);
        file.items.append(&mut items);
        file.unread.append(&mut self.unread);
    }

    /// Counts something that was not understood.
    fn unread(
        &mut self,
        span: Span,
        what: impl Into<String>,
        why: impl Into<String>,
        tokens: &TokenStream,
    ) {
        let span = if span == Span::default() {
            self.here
        } else {
            span
        };
        let part = UnreadPart {
            span,
            what: what.into(),
            why: why.into(),
            mentions_lock: mentions_lock(tokens),
        };
        // What a macro writes is all at one place: there once is enough.
        let same = |other: &UnreadPart| other.what == part.what && other.span == part.span;
        let at_work = self.expander.is_at_work();
        let mut here = self
            .unread
            .iter_mut()
            .rev()
            .take_while(|p| p.span == part.span);
        match here.find(|other| at_work && same(other)) {
            Some(known) => known.mentions_lock |= part.mentions_lock,
            None => self.unread.push(part),
        }
    }

    fn too_deep(&mut self, what: &str, span: Span, mentions_lock: bool) {
        let span = if span == Span::default() {
            self.here
        } else {
            span
        };
        let (what, why) = (what.to_owned(), TOO_DEEP.to_owned());
        self.unread.push(UnreadPart {
            span,
            what,
            why,
            mentions_lock,
        });
    }

    /// The items in the arguments of a macro.
    fn items_of(&mut self, tokens: TokenStream) -> syn::Result<Vec<Item>> {
        let mut items = syn::parse::Parser::parse2(macro_args::items, tokens)?;
        Ok(self.items(&mut items))
    }
}

/// A path of one segment.
fn single(name: &str) -> Path {
    Path {
        segments: [Segment::plain(name.into())].into(),
        ..Path::default()
    }
}

/// Whether the tokens hold a call such as `.lock()`.
fn mentions_lock(tokens: &TokenStream) -> bool {
    let mut pending = vec![tokens.clone()];
    while let Some(tokens) = pending.pop() {
        // 0: nothing, 1: a dot, 2: a dot and a name of interest.
        let mut state = 0;
        for token in tokens {
            state = match token {
                TokenTree::Punct(punct) if punct.as_char() == '.' => 1,
                TokenTree::Ident(ident) if state == 1 && is_lock_name(&span::name(&ident)) => 2,
                TokenTree::Group(group) => {
                    if state == 2 && group.delimiter() == Delimiter::Parenthesis {
                        return true;
                    }
                    pending.push(group.stream());
                    0
                }
                _ => 0,
            };
        }
    }
    false
}

fn is_lock_name(name: &str) -> bool {
    matches!(
        name,
        "lock"
            | "read"
            | "write"
            | "borrow"
            | "borrow_mut"
            | "upgradable_read"
            | "read_recursive"
            | "acquire"
            | "wait"
    ) || name.starts_with("try_lock")
        || name.starts_with("try_read")
        || name.starts_with("try_write")
        || name.ends_with("_lock")
        || name.starts_with("lock_")
}
