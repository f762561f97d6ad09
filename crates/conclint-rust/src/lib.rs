//! Being written.
pub mod hir;
pub mod index;
