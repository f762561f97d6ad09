//! In a directory that is called like a file.
