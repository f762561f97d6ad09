//! A lock that only a test takes twice.

use std::sync::Mutex;

pub struct Cell(Mutex<u32>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice() {
        let cell = Cell(Mutex::new(1));
        let first = cell.0.lock().unwrap();
        let second = cell.0.lock().unwrap();
        assert_eq!(*first, *second);
    }
}
