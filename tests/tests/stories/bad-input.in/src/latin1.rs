//! A file in an old encoding: café.

fn f() {}
