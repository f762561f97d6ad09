//! Whether the rules of a macro do something that the analysis wants to see: a
//! call of a function or method that is not known to be harmless, or a way out
//! of the code around it, or that it names a lock. All others stay as they are written, which costs
//! less and hides nothing.
//!
//! Looks at the words of the text only; comments count, too.

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::super::scan::word_end;

/// Whether there is such a call or way out.
pub(super) fn is_interesting(rules: &str) -> bool {
    if asks(rules.as_bytes()) {
        return true;
    }
    if gives_back(rules) {
        return true;
    }
    let mut before = "";
    words(rules).any(|word| {
        let declares = before == "fn";
        before = word.text;
        match word.text {
            "await" | "return" | "break" | "continue" => true,
            // A field that whoever calls the macro does not name.
            "Mutex" | "RwLock" => true,
            text => word.is_called && !declares && !is_harmless(text) && !word.is_type(),
        }
    })
}

/// Whether the macro does nothing by itself with the one thing that it is given, but
/// to give it back: `($e:expr) => { $e }`. What becomes of that, only its
/// surroundings know.
fn gives_back(rules: &str) -> bool {
    if rules.matches("=>").count() != 1 || rules.contains("$(") {
        return false;
    }
    let (mut kinds, mut given) = (0, 0);
    let mut own = Vec::new();
    let mut before = "";
    let only_given = words(rules).all(|word| {
        let is_kind = word.mark == Some(':') && matches!(word.text, "expr" | "block");
        kinds += usize::from(is_kind);
        given += usize::from(word.mark == Some('$'));
        let binds = matches!(before, "let" | "mut");
        if binds {
            own.push(word.text);
        }
        before = word.text;
        let is_own = binds || own.contains(&word.text);
        is_kind || is_own || word.mark == Some('$') || matches!(word.text, "let" | "mut")
    });
    // Once where it comes in, once where it goes out.
    only_given && (kinds, given) == (1, 2)
}

/// Whether a macro with one of these names is called.
pub(super) fn calls(rules: &str, names: &FxHashSet<SmolStr>) -> bool {
    words(rules).any(|word| word.is_macro && names.contains(word.text))
}

struct Word<'a> {
    text: &'a str,
    /// `(` or `::<` follows.
    is_called: bool,
    /// `!` follows.
    is_macro: bool,
    /// The `$` or `:` before it.
    mark: Option<char>,
}

impl Word<'_> {
    /// A tuple struct or a variant.
    fn is_type(&self) -> bool {
        self.text
            .starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit())
    }
}

fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
        at += bytes.get(at..)?.iter().position(is_word)?;
        let start = at;
        at = word_end(bytes, start);
        let rest = text.get(at..)?.trim_start();
        let before = text.get(..start)?.trim_end();
        let mark = before
            .chars()
            .next_back()
            .filter(|_| !before.ends_with("::"));
        Some(Word {
            text: text.get(start..at)?,
            is_called: rest.starts_with('(') || rest.starts_with("::<"),
            is_macro: rest.starts_with('!') && !rest.starts_with("!="),
            mark: mark.filter(|mark| matches!(mark, '$' | ':')),
        })
    })
}

/// Whether there is a `?` other than that of a repetition.
fn asks(bytes: &[u8]) -> bool {
    // Of each open bracket whether a `$` stands before it.
    let mut open = Vec::new();
    let mut last_is_repetition = false;
    let mut before = b' ';
    for byte in bytes {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            b'(' => open.push(before == b'$'),
            b')' => last_is_repetition = open.pop().unwrap_or(false),
            b'?' => {
                let is_operator = match before {
                    b')' => !last_is_repetition,
                    before => before.is_ascii_alphanumeric() || before == b'_' || before == b'}',
                };
                if is_operator {
                    return true;
                }
            }
            _ => {}
        }
        before = *byte;
    }
    false
}

/// What stands before a bracket behind which nothing waits and nothing is
/// locked: functions, keywords, attributes, kinds of fragments.
fn is_harmless(word: &str) -> bool {
    matches!(
        word,
        "allow"
            | "as_bytes"
            | "as_mut"
            | "as_ref"
            | "as_str"
            | "cfg"
            | "clone"
            | "cloned"
            | "collect"
            | "copied"
            | "crate"
            | "default"
            | "derive"
            | "doc"
            | "else"
            | "eq"
            | "expect"
            | "expr"
            | "fmt"
            | "for"
            | "from"
            | "ident"
            | "if"
            | "in"
            | "inline"
            | "into"
            | "into_iter"
            | "is_empty"
            | "is_err"
            | "is_none"
            | "is_ok"
            | "is_some"
            | "iter"
            | "len"
            | "let"
            | "map_err"
            | "match"
            | "max"
            | "min"
            | "move"
            | "mut"
            | "new"
            | "ok"
            | "parse"
            | "pub"
            | "push_str"
            | "ref"
            | "size_of"
            | "to_owned"
            | "to_string"
            | "try_from"
            | "try_into"
            | "tt"
            | "type_name"
            | "unwrap"
            | "unwrap_or"
            | "unwrap_or_default"
            | "while"
            | "write_str"
    )
}
