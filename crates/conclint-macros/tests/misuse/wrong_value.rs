#[conclint_macros::explore(schedules = 0)]
#[test]
fn none() {}

#[conclint_macros::explore(schedules = "many")]
#[test]
fn words() {}

#[conclint_macros::explore(strategy = pct)]
#[test]
fn no_string() {}

#[conclint_macros::explore(strategy = "pcd")]
#[test]
fn no_strategy() {}

#[conclint_macros::explore(strategy = "pct", preemptions = 2)]
#[test]
fn not_bounded() {}

fn main() {}
