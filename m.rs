use std::sync::{Mutex,PoisonError};
pub struct Pool { version: Mutex<u32> }
pub enum E { A(String) }
impl Pool {
    pub fn a(&self) -> Result<(), E> {
        let mut v = self.version.lock().unwrap_or_else(|err| err.get_ref().clone());
        let _again = self.version.lock().unwrap();
        *v += 1;
        Ok(())
    }
}
