//! A counter with nothing wrong.

use std::sync::Mutex;

#[derive(Default)]
pub struct Counter {
    value: Mutex<u64>,
}

impl Counter {
    pub fn next(&self) -> u64 {
        let mut value = self.value.lock().unwrap();
        *value += 1;
        *value
    }
}
