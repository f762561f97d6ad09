#[conclint_macros::explore(schedules = 10)]
#[conclint_macros::skip(reason = "slow")]
#[test]
fn both() {}

fn main() {}
