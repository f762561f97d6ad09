//! Half of it parses.

pub fn good() {}

pub fn bad( {
    let = 3;
}
