#[conclint_macros::skip(reason = "")]
#[test]
fn empty_reason() {}

#[conclint_macros::skip]
#[test]
fn no_reason() {}

#[conclint_macros::skip("because")]
#[test]
fn no_key() {}

fn main() {}
