//! Foreign text made safe for a terminal.
//!
//! File names, lock names and source lines come from whoever wrote the code.
//! An escape code in them must not move the cursor, and a bidirectional
//! override must not make a line read differently from what it is.

use std::borrow::Cow;

/// Replaces every character that a terminal would act on by one that it
/// prints. Line feeds and tabs stay. Keeps the number of characters, so
/// columns stay true.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().any(acts) {
        Cow::Owned(text.chars().map(visible).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// [`printable`], with line feeds and tabs as spaces: for messages and names.
pub fn one_line(text: &str) -> Cow<'_, str> {
    if text.chars().any(|c| acts(c) || c == '\n' || c == '\t') {
        Cow::Owned(
            text.chars()
                .map(|c| match c {
                    '\n' | '\t' | '\r' => ' ',
                    c => visible(c),
                })
                .collect(),
        )
    } else {
        Cow::Borrowed(text)
    }
}

fn acts(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        // Bidirectional controls, zero-width characters, line separators, the byte order mark.
        '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{061c}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => true,
        c => c.is_control(),
    }
}

fn visible(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        // At the end of a line it is of no interest; elsewhere a space is as good.
        '\r' => ' ',
        '\0'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        c if acts(c) => '\u{fffd}',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_codes_and_overrides_are_shown_not_obeyed() {
        assert_eq!(
            printable("a\u{1b}[31mb\u{202e}c\u{9b}"),
            "a\u{241b}[31mb\u{fffd}c\u{fffd}"
        );
        assert_eq!(printable("a\tb\r\n"), "a\tb \n");
        assert_eq!(one_line("a\nb\tc\u{7f}"), "a b c\u{2421}");
    }

    #[test]
    fn harmless_text_is_not_copied() {
        assert!(matches!(printable("é\tß\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn the_number_of_characters_stays() {
        let text = "\u{1b}\u{202e}\u{7f}\rx\u{e0001}";
        assert_eq!(printable(text).chars().count(), text.chars().count());
    }
}
