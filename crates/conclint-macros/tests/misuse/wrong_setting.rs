#[conclint_macros::explore(schedule = 10)]
#[test]
fn unknown() {}

#[conclint_macros::explore(seed = 1, seed = 2)]
#[test]
fn twice() {}

#[conclint_macros::explore]
#[test]
fn nothing() {}

fn main() {}
