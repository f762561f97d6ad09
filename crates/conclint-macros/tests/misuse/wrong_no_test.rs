#[conclint_macros::explore(schedules = 10)]
fn no_test() {}

fn main() {}
