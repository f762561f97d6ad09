//! Stories in `stories/*.md`: commands and what they print, each run in the
//! directory beside it. `TRYCMD=overwrite cargo test -p conclint-tests` writes
//! down what they print now; read the difference before keeping it.

#[test]
fn stories() {
    trycmd::TestCases::new()
        .register_bin(
            "conclint",
            std::path::Path::new(env!("CARGO_BIN_EXE_story-conclint")),
        )
        .default_bin_name("conclint")
        .case("tests/stories/*.md");
}
