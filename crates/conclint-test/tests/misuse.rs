//! Every misuse is an error at compile time that says what to write.

#[test]
fn misuse_is_explained() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/misuse/wrong_*.rs");
}
