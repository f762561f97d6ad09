//! Arbitrary and mutated texts never make it fail.

use proptest::prelude::*;

use super::super::parse_file;

const REAL: &[&str] = &[
    include_str!("../macro_args.rs"),
    include_str!("../scan.rs"),
    include_str!("../scan/ends.rs"),
    include_str!("dump.rs"),
    include_str!("table.rs"),
];

/// A stretch of a real text.
fn real() -> impl Strategy<Value = String> {
    (0..REAL.len(), any::<prop::sample::Index>(), 0_usize..3_000).prop_map(|(which, start, len)| {
        let chars: Vec<char> = REAL[which].chars().collect();
        let start = start.index(chars.len());
        chars.iter().skip(start).take(len).collect()
    })
}

/// Pieces that lexers and parsers stumble over.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "<",
        ">",
        "\"",
        "'",
        "'a",
        "'a'",
        "r#\"",
        "\"#",
        "/*",
        "*/",
        "//",
        "\n",
        "\r",
        "\\",
        "#!",
        "#",
        "!",
        "|",
        "||",
        "&",
        "=>",
        "..",
        "...",
        "::",
        ";",
        ",",
        "fn",
        "impl",
        "trait",
        "macro_rules!",
        "m!",
        "lock()",
        "select!",
        "info!",
        "async",
        "await",
        "box",
        "else",
        "if",
        "let",
        "\u{feff}",
        "\u{e4}",
        "\u{1f980}",
        "\0",
        "b'",
        "c\"",
        "1.",
        "0x",
        "1e",
        "r#",
        "_",
        "$",
        "`",
        "@",
        "dyn",
        "for<'a>",
        "Fn(",
        "+ 'a",
        "cfg_if!",
        "lazy_static!",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        parse_file(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn arbitrary_pieces(pieces in prop::collection::vec(piece(), 0..60), gap in prop::sample::select(vec!["", " "])) {
        parse_file(&pieces.join(gap));
    }

    #[test]
    fn mutated_sources(
        mut text in real(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), piece(), 0_usize..4), 0..6),
    ) {
        for (at, new, cut) in edits {
            let chars: Vec<char> = text.chars().collect();
            let at = at.index(chars.len() + 1);
            let rest = chars.iter().skip(at + cut);
            text = chars.iter().take(at).copied().chain(new.chars()).chain(rest.copied()).collect();
        }
        let file = parse_file(&text);
        let lines = file.lines + 1;
        prop_assert!(file.items.iter().all(|item| item.span.line >= 1 && item.span.line <= lines));
    }
}
