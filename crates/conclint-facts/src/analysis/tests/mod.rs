//! Programs made by hand, and what follows from them.

mod build;
mod calls;
mod closures;
mod cycles;
mod held;
mod nestings;
mod parallel;
mod properties;
