use conclint_test::{Options, explored_with};

fn main() {
    explored_with(Options::new().strategy("pct"), || ());
}
