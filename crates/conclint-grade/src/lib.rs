//! Marks submissions to a programming assignment about concurrency: lints them, runs hidden tests
//! once, explores the tests' interleavings, and writes marks with reasons that can be defended.
//!
//! ```text
//! submissions -> intake -> gate -> build (two phases) -> run -> evidence -> rubric -> marks
//! ```
//!
//! Evidence is what was seen of a submission's content: it depends on nothing else, so it is kept
//! by content, reused for identical submissions and picked up again after a kill. Marks and pages
//! are a pure function of evidence, rubric and the time of submission.
//!
//! Refuses to believe anything that a submission's process writes to its outputs, to run any tool
//! in a submission's directory, and to look at a clock to decide on a mark.

pub mod assignment;
pub mod batch;
pub mod build;
pub mod check_assignment;
mod compiler;
pub mod evidence;
pub mod exporters;
pub mod feedback;
pub mod gate;
pub mod intake;
pub mod interface;
pub mod judge;
pub mod late;
mod lint;
pub mod mutants;
mod parallel;
pub mod receipt;
pub mod rubric;
pub mod spent;
mod test_names;
mod text;
mod write;

pub use assignment::Assignment;
pub use batch::{Batch, Graded};
pub use evidence::Evidence;
pub use judge::Grader;
pub use lint::act_as_linter;
pub use rubric::{Marks, Outcome, Status};
pub use spent::Spent;
pub use write::whole as write_whole;
