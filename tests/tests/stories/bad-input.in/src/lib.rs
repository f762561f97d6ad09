//! The rest of the program is still looked at.

pub mod broken;
pub mod large;
pub mod latin1;
