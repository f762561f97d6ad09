//! A bank whose two operations take two locks in different order.

use std::collections::HashMap;
use std::sync::Mutex;

pub struct Bank {
    accounts: Mutex<HashMap<u32, i64>>,
    journal: Mutex<Vec<String>>,
}

impl Bank {
    pub fn transfer(&self, from: u32, to: u32, amount: i64) {
        let mut accounts = self.accounts.lock().unwrap();
        *accounts.entry(from).or_default() -= amount;
        *accounts.entry(to).or_default() += amount;
        self.record(from, to);
    }

    fn record(&self, from: u32, to: u32) {
        let mut journal = self.journal.lock().unwrap();
        journal.push(String::new());
        let _ = (from, to);
    }

    pub fn audit(&self) -> bool {
        let journal = self.journal.lock().unwrap();
        let accounts = self.accounts.lock().unwrap();
        journal.len() >= accounts.len()
    }
}
