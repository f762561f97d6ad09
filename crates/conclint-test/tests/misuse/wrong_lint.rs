conclint_test::lint!("src");

fn main() {}
