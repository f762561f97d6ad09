//! Which builds code is in, by its `cfg`s: of tests and tools only, or all.

use smol_str::SmolStr;

/// Whether the predicates say that this is for tests only: in no usual build,
/// but in those of tests, model checkers and fuzzers.
pub(super) fn is_test(cfgs: &[SmolStr]) -> bool {
    const TOOLS: &[&str] = &[
        "loom", "shuttle", "kani", "miri", "fuzz", "fuzzing", "mock", "mocks",
    ];
    let of_tests = |name: &str| {
        name.split(|c: char| !c.is_alphanumeric())
            .any(|word| word.starts_with("test") && word != "testnet" || TOOLS.contains(&word))
    };
    cfgs.iter().any(|cfg| {
        let feature = cfg.strip_prefix("feature = \"");
        let feature = feature.and_then(|name| name.strip_suffix('"'));
        feature
            .or_else(|| is_word(cfg).then_some(cfg))
            .is_some_and(of_tests)
    })
}

/// A name alone, and no `not(..)` or `any(..)`.
fn is_word(cfg: &str) -> bool {
    cfg.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Names under these `cfg`s give way to their twins.
pub(super) fn rank(cfgs: &[SmolStr]) -> u8 {
    let special = |c: &SmolStr| {
        matches!(
            c.as_str(),
            "test"
                | "loom"
                | "shuttle"
                | "miri"
                | "kani"
                | "madsim"
                | "doc"
                | "docsrs"
                | "doctest"
                | "tokio_loom"
                | "feature = \"loom\""
                | "feature = \"shuttle\""
        )
    };
    u8::from(cfgs.iter().any(special))
}
