//! Which macros are known, by the last segment of their path.

use crate::hir::MacroKind;

/// What the arguments of a known macro are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// Arguments as of `format!` or of the logging crates.
    Call(MacroKind),
    /// `assert!`, `ensure!`: leaves where the condition fails.
    Assert,
    /// `assert_eq!`, `assert_ne!`.
    AssertPair,
    Vec,
    Matches,
    Dbg,
    Try,
    Await,
    AddrOf {
        mutable: bool,
    },
    Select,
    Join,
    CfgIf,
    CfgSelect,
    /// Tokens that are data, or only literals: nothing runs here.
    Inert,
    Unknown,
}

pub(super) fn known(name: &str) -> Known {
    match name {
        "format" | "format_args" | "anyhow" | "eyre" | "format_err" | "err_msg"
        | "format_smolstr" => Known::Call(MacroKind::Format),
        "print" | "println" | "eprint" | "eprintln" => Known::Call(MacroKind::Print),
        "write" | "writeln" => Known::Call(MacroKind::Write),
        "panic" | "unreachable" | "todo" | "unimplemented" | "bail" | "panic_any" => {
            Known::Call(MacroKind::Panic)
        }
        // A project's own `bail!`.
        name if name.ends_with("_bail") => Known::Call(MacroKind::Panic),
        "assert" | "debug_assert" | "ensure" => Known::Assert,
        "assert_eq" | "assert_ne" | "debug_assert_eq" | "debug_assert_ne" => Known::AssertPair,
        "vec" => Known::Vec,
        "matches" | "assert_matches" | "debug_assert_matches" => Known::Matches,
        "dbg" => Known::Dbg,
        "try" => Known::Try,
        "await" => Known::Await,
        "addr_of" => Known::AddrOf { mutable: false },
        "addr_of_mut" => Known::AddrOf { mutable: true },
        "select" | "select_biased" => Known::Select,
        "join" | "try_join" => Known::Join,
        "cfg_if" => Known::CfgIf,
        "cfg_select" => Known::CfgSelect,
        "stringify"
        | "Token"
        | "concat"
        | "env"
        | "option_env"
        | "include_str"
        | "include_bytes"
        | "include"
        | "line"
        | "file"
        | "column"
        | "module_path"
        | "cfg"
        | "compile_error"
        | "quote"
        | "quote_spanned"
        | "parse_quote"
        | "parse_quote_spanned"
        | "offset_of"
        | "asm"
        | "global_asm"
        | "naked_asm"
        | "concat_idents"
        | "is_x86_feature_detected"
        | "const_format_args"
        | "uuid"
        | "hex"
        | "include_dir" => Known::Inert,
        _ if is_log(name) => Known::Call(MacroKind::Log),
        _ => Known::Unknown,
    }
}

/// `log`, `tracing` and `slog`.
fn is_log(name: &str) -> bool {
    let level = name.strip_prefix("slog_").unwrap_or(name);
    let level = level.strip_suffix("_span").unwrap_or(level);
    matches!(
        level,
        "trace"
            | "debug"
            | "info"
            | "warn"
            | "error"
            | "log"
            | "event"
            | "span"
            | "crit"
            | "warning"
    )
}
