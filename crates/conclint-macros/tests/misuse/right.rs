#[conclint_macros::explore(schedules = 1_000, strategy = "bounded", preemptions = 2, seed = 7)]
#[test]
fn all_settings() {}

#[conclint_macros::skip(reason = "talks to a server",)]
#[test]
fn skipped() {}

fn main() {}
