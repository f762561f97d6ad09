//! What stands at the end of many calls.

use super::{errors_in, names_in};

/// `far` holds one lock and takes another so many calls away; `near` takes `b`
/// and then `a`.
fn way(calls: usize, held: &str, taken: &str) -> String {
    let step = |n: usize| format!("    fn step{n}(&self) {{ self.step{}(); }}\n", n - 1);
    let steps: String = (2..=calls).rev().map(step).collect();
    format!(
        "
use std::sync::Mutex;
pub struct Bank {{ a: Mutex<u64>, b: Mutex<u64> }}
impl Bank {{
    pub fn near(&self) {{
        let b = self.b.lock().unwrap();
        *self.a.lock().unwrap() += *b;
    }}
    pub fn far(&self) {{
        let held = self.{held}.lock().unwrap();
        self.step{calls}();
        println!(\"{{held}}\");
    }}
{steps}    fn step1(&self) {{ *self.{taken}.lock().unwrap() += 1; }}
}}
"
    )
}

#[test]
fn the_longer_the_way_the_less_it_says() {
    let double = |calls| names_in(&way(calls, "a", "a"));
    assert_eq!(double(3), ["double-lock"]);
    assert!(double(4).is_empty());

    let inverted = |calls| way(calls, "a", "b");
    assert_eq!(errors_in(&inverted(1)), ["lock-order-inversion"]);
    assert!(errors_in(&inverted(2)).is_empty());
    assert_eq!(names_in(&inverted(3)), ["lock-order-inversion"]);
    assert!(names_in(&inverted(4)).is_empty());
}
