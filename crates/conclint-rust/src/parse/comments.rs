//! Comments that mean something to the analysis: declared lock orders and
//! threads that are detached on purpose.

use std::ops::Range;

use memchr::memchr_iter;
use memchr::memmem::Finder;

use crate::hir::{Comment, CommentKind};

/// Gathers comments in source order; neighbouring line comments are read as one.
pub(super) struct Comments<'a> {
    text: &'a str,
    block: Range<usize>,
    /// A place whose line is known, so that lines are counted once.
    counted: (usize, u32),
    found: Vec<Comment>,
    /// What comments of interest have one of each of, or of the last: nearly all
    /// have none.
    signs: [Signs; 3],
}

/// Different spellings of one word.
struct Signs(Vec<Finder<'static>>);

impl Signs {
    /// Those of `words` that are anywhere in the file; most are not, and no
    /// comment has to be asked then.
    fn new(words: [&'static str; 2], text: &str) -> Self {
        let mut signs: Vec<_> = words.map(Finder::new).into();
        signs.retain(|sign| sign.find(text.as_bytes()).is_some());
        Self(signs)
    }

    fn are_in(&self, text: &str) -> bool {
        self.0
            .iter()
            .any(|sign| sign.find(text.as_bytes()).is_some())
    }
}

impl<'a> Comments<'a> {
    pub fn new(text: &'a str) -> Self {
        let signs = [["rder", "RDER"], ["ock", "OCK"], ["etached:", "ETACHED:"]]
            .map(|words| Signs::new(words, text));
        Self {
            text,
            block: 0..0,
            counted: (0, 1),
            found: Vec::new(),
            signs,
        }
    }

    /// The next comment of the scan.
    pub fn push(&mut self, range: Range<usize>) {
        let between = self.text.get(self.block.end..range.start).unwrap_or("x");
        let comment = self.text.get(range.clone()).unwrap_or("");
        let is_line = comment.starts_with("//");
        if is_line && !self.block.is_empty() && between.bytes().all(|b| b.is_ascii_whitespace()) {
            self.block.end = range.end;
        } else {
            self.flush();
            self.block = range;
        }
    }

    pub fn finish(mut self) -> Vec<Comment> {
        self.flush();
        self.found
    }

    fn flush(&mut self) {
        let block = std::mem::take(&mut self.block);
        let text = self.text.get(block.clone()).unwrap_or("");
        let [order, lock, detached] = &self.signs;
        let orders = order.are_in(text) && lock.are_in(text);
        if !orders && !detached.are_in(text) {
            return;
        }
        let words = plain_words(text);
        let plain: Vec<&str> = words.iter().map(|(_, word)| *word).collect();
        let line_at = |index: usize| {
            words
                .get(index)
                .map_or(block.start, |(at, _)| block.start + at)
        };
        let mut kinds = Vec::new();
        declared_orders(&plain, &mut kinds);
        listed_orders(&plain, &mut kinds);
        declaration_order(&plain, &mut kinds);
        for (at, kind) in kinds {
            let line = self.line(line_at(at));
            self.found.push(Comment { line, kind });
        }
        self.detached(text, block.start);
    }

    fn detached(&mut self, text: &str, start: usize) {
        let mut offset = start;
        for line in text.split_inclusive('\n') {
            let body = strip_marks(line);
            let head = body.get(.."detached:".len());
            if head.is_some_and(|head| head.eq_ignore_ascii_case("detached:")) {
                let reason = body
                    .get("detached:".len()..)
                    .unwrap_or("")
                    .trim_end_matches("*/")
                    .trim();
                // Without a reason nothing is said.
                if !reason.is_empty() {
                    let line = self.line(offset);
                    self.found.push(Comment {
                        line,
                        kind: CommentKind::Detached(reason.to_owned()),
                    });
                }
            }
            offset += line.len();
        }
    }

    fn line(&mut self, offset: usize) -> u32 {
        let (from, line) = self.counted;
        // Kinds of one block can come out of order by a few lines.
        let (from, line) = if offset < from { (0, 1) } else { (from, line) };
        let bytes = self.text.as_bytes().get(from..offset).unwrap_or_default();
        let newlines = u32::try_from(memchr_iter(b'\n', bytes).count()).unwrap_or(u32::MAX);
        self.counted = (offset, line.saturating_add(newlines));
        self.counted.1
    }
}

/// A line without white space and comment marks around it.
fn strip_marks(line: &str) -> &str {
    line.trim().trim_start_matches(['/', '!', '*']).trim()
}

/// All words with their byte offsets.
fn plain_words(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let body = strip_marks(line).trim_end_matches("*/");
        // `body` is a slice of `line`, so this is its place in it.
        let start =
            offset + (line.len() - line.trim_start_matches([' ', '\t', '/', '!', '*']).len());
        let mut at = 0;
        for word in body.split_whitespace() {
            let found = body.get(at..).and_then(|rest| rest.find(word)).unwrap_or(0);
            words.push((start + at + found, word));
            at += found + word.len();
        }
        offset += line.len();
    }
    words
}

/// `lock order: a -> b -> c`.
fn declared_orders(words: &[&str], out: &mut Vec<(usize, CommentKind)>) {
    for (i, pair) in words.windows(2).enumerate() {
        let [first, second] = pair else { continue };
        let first = first
            .trim_start_matches(|c: char| !c.is_alphanumeric())
            .to_ascii_lowercase();
        let (label, rest) = second.split_once(':').unwrap_or((second, ""));
        let label = label.to_ascii_lowercase();
        let announces = matches!(
            (first.as_str(), label.as_str()),
            ("lock" | "locks", "order" | "ordering") | ("locking", "order")
        );
        if !announces || !second.contains(':') {
            continue;
        }
        let tail = std::iter::once(rest).chain(words.iter().skip(i + 2).copied());
        let names = joined_names(&tail.collect::<Vec<_>>().join(" "));
        if names.len() > 1 {
            out.push((i, CommentKind::LockOrder(names)));
        }
    }
}

/// The names at the start of `text`, as long as `->` or the like joins them.
fn joined_names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = text.trim_start();
    loop {
        rest = rest.trim_start_matches(['`', ' ', '*']);
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '.');
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let name = rest.get(..end).unwrap_or("").trim_matches(['.', ':']);
        if name.is_empty() {
            return names;
        }
        names.push(name.to_owned());
        rest = rest.get(end..).unwrap_or("");
        // `self.a.lock()`, `a()`: the brackets are not part of the name.
        rest = rest
            .strip_prefix("()")
            .unwrap_or(rest)
            .trim_start_matches(['`', ' ', '*', ',']);
        let joined = ["->", "\u{2192}", "=>", "then "]
            .iter()
            .find_map(|join| rest.strip_prefix(join));
        match joined {
            Some(after) => rest = after.trim_start(),
            None => return names,
        }
    }
}

const BY_DECLARATION: [&str; 10] = [
    "in the order declared",
    "in the declared order",
    "in declaration order",
    "in the declaration order",
    "in order of declaration",
    "in the order of declaration",
    "in the order they are declared",
    "in the order they're declared",
    "in the order in which they are declared",
    "in the order of their declaration",
];

/// `locks are acquired in this order: 1. a - why, 2. b`: a list, by numbers or
/// dashes, after words that announce it. An item's name is what it starts with.
fn listed_orders(words: &[&str], out: &mut Vec<(usize, CommentKind)>) {
    let mut start = 0;
    for (i, pair) in words.windows(2).enumerate() {
        let [last, first] = pair else { continue };
        if is_item(last, 0) || i < start {
            continue;
        }
        let marks: Vec<usize> = match (is_item(first, 1), *first) {
            (true, _) => numbered(words, i + 1),
            (_, "-") => dashed(words, i + 1),
            _ => continue,
        };
        start = i + 2;
        let said = words.get(i.saturating_sub(24)..=i).unwrap_or_default();
        let says = said.join(" ").to_ascii_lowercase();
        // The words right before the list; a sentence before them is about something else.
        let says = says.rsplit(". ").next().unwrap_or_default();
        if !says_lock(says) || !announces_list(says, first) {
            continue;
        }
        let names: Vec<String> = marks
            .iter()
            .map_while(|&mark| item_name(words.get(mark + 1)?))
            .collect();
        if names.len() > 1 && names.len() == marks.len() {
            out.push((i, CommentKind::LockOrder(names)));
        }
    }
}

/// Whether the words before a list say that it is an order. Dashes alone are no order.
fn announces_list(says: &str, mark: &str) -> bool {
    let ends = |words: &[&str]| {
        let says = says.trim_end_matches([':', ' ']);
        words.iter().any(|word| says.ends_with(word))
    };
    ends(&["in this order", "in the following order", "in that order"])
        || mark != "-" && ends(&["order", "ordering", "hierarchy"])
}

/// `1.`, `1)` or `(1)`; of any number when `number` is zero.
fn is_item(word: &str, number: usize) -> bool {
    let digits = word
        .strip_suffix(['.', ')'])
        .map(|digits| digits.trim_start_matches('('));
    digits
        .and_then(|digits| digits.parse::<usize>().ok())
        .is_some_and(|found| number == 0 || found == number)
}

/// Where the items `1.`, `2.`, .. from `first` on start.
fn numbered(words: &[&str], first: usize) -> Vec<usize> {
    let mut marks = Vec::new();
    for (at, word) in words.iter().enumerate().skip(first) {
        if is_item(word, marks.len() + 1) {
            marks.push(at);
        }
    }
    marks
}

fn dashed(words: &[&str], first: usize) -> Vec<usize> {
    // A dash after a name (`- a - why`) is no item.
    let mut marks = vec![first];
    for (at, pair) in words.windows(2).enumerate().skip(first + 1) {
        if let ["-", name] = pair
            && name.starts_with('`')
        {
            marks.push(at);
        }
    }
    marks
}

/// The lock that an item starts with: in backquotes, or a name that no prose has.
fn item_name(word: &str) -> Option<String> {
    let quoted = word.trim_start_matches('*').starts_with('`');
    let name = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '_');
    let name = name.trim_end_matches("()");
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '.');
    let fits = !name.is_empty() && name.chars().all(is_name);
    (fits && (quoted || name.contains(['_', '.', ':']))).then(|| name.to_owned())
}

/// Whether lower-case words speak of locks.
fn says_lock(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| {
        word.starts_with("lock")
            || word.ends_with("lock") && word != "block" && word != "clock"
            || word == "mutexes"
    })
}

/// `locks must be taken in the order declared here`, `always lock in this order`.
fn declaration_order(words: &[&str], out: &mut Vec<(usize, CommentKind)>) {
    let mut start = 0;
    for sentence in words.split_inclusive(|word| word.ends_with(['.', '!', ';'])) {
        let text = sentence.join(" ").to_ascii_lowercase();
        let this_order = [
            "lock in this order",
            "locked in this order",
            "locks in this order",
            "acquired in this order",
        ];
        // `in this order:` speaks of what follows it, not of the fields.
        let follows = |phrase: &str| {
            let after = text.split(phrase).nth(1).unwrap_or_default();
            let more = after.len() > 1 || words.len() > start + sentence.len();
            after.starts_with(':') && more
        };
        let says_order = BY_DECLARATION.iter().any(|phrase| text.contains(phrase))
            || this_order
                .iter()
                .any(|phrase| text.contains(phrase) && !follows(phrase));
        if says_lock(&text) && says_order {
            out.push((start, CommentKind::DeclarationOrder));
        }
        start += sentence.len();
    }
}
