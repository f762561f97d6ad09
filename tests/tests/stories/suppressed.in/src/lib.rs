//! Findings that are known, and one that is gone.

use std::sync::Mutex;

pub struct Log {
    lines: Mutex<Vec<String>>,
    size: Mutex<usize>,
}

impl Log {
    pub fn push(&self, line: String) {
        let mut lines = self.lines.lock().unwrap();
        // conclint: allow(lock-order-inversion) nobody calls `shrink` any more
        *self.size.lock().unwrap() += line.len();
        lines.push(line);
    }

    pub fn shrink(&self) {
        let mut size = self.size.lock().unwrap();
        *size -= self.lines.lock().unwrap().len();
    }

    // conclint: expect(double-lock) `len` took the lock twice once
    pub fn len(&self) -> usize {
        self.lines.lock().unwrap().len() // conclint: allow(double-lok)
    }
}
