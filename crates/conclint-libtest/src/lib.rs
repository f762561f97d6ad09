//! Stands in the test harness's place: `--extern test=` this crate, and what the compiler's
//! `--test` expansion collects is handed to the runtime instead of being run.
//!
//! Only what that expansion names is here. Benchmarks are not.

use std::rc::Rc;

use conclint_rt::supervise;

/// How a test is called.
#[derive(Clone, Copy, Debug)]
pub enum TestFn {
    /// A plain function.
    StaticTestFn(fn() -> Result<(), String>),
    /// A benchmark, which is not explored.
    StaticBenchFn(fn(&mut Bencher) -> Result<(), String>),
}
pub use TestFn::{StaticBenchFn, StaticTestFn};

/// A test's name.
#[derive(Clone, Copy, Debug)]
pub enum TestName {
    /// A path in the crate.
    StaticTestName(&'static str),
}
pub use TestName::StaticTestName;

/// Whether a test should panic.
#[derive(Clone, Copy, Debug)]
pub enum ShouldPanic {
    /// No.
    No,
    /// With any message.
    Yes,
    /// With a message that contains this.
    YesWithMessage(&'static str),
}

/// Where a test lives.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "libtest's names")]
pub enum TestType {
    UnitTest,
    IntegrationTest,
    DocTest,
    Unknown,
}

/// What the compiler knows about a test.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "libtest's names")]
pub struct TestDesc {
    pub name: TestName,
    pub ignore: bool,
    pub ignore_message: Option<&'static str>,
    pub source_file: &'static str,
    pub start_line: usize,
    pub start_col: usize,
    pub end_line: usize,
    pub end_col: usize,
    pub compile_fail: bool,
    pub no_run: bool,
    pub should_panic: ShouldPanic,
    pub test_type: TestType,
}

/// A test.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "libtest's names")]
pub struct TestDescAndFn {
    pub desc: TestDesc,
    pub testfn: TestFn,
}

/// What a benchmark is given. Benchmarks are not run.
#[derive(Debug, Default)]
pub struct Bencher(());

impl Bencher {
    /// Calls the function once.
    pub fn iter<T, F: FnMut() -> T>(&mut self, mut f: F) {
        std::hint::black_box(f());
    }
}

pub use std::hint::black_box;

/// What a test may return: an error is a failure.
///
/// # Errors
/// When the test's `Termination` is not a success.
pub fn assert_test_result<T: std::process::Termination>(result: T) -> Result<(), String> {
    let code = result.report();
    if code == std::process::ExitCode::SUCCESS {
        return Ok(());
    }
    Err(format!(
        "the test returned a termination value with a non-zero status code ({code:?}) which \
         indicates a failure"
    ))
}

/// The `main` of a test binary.
pub fn test_main_static(tests: &[&TestDescAndFn]) {
    let tests: Vec<_> = tests.iter().filter_map(|t| convert(t)).collect();
    if supervise::run(&tests) {
        return;
    }
    std::process::exit(i32::from(supervise::run_once(&tests) > 0));
}

/// As [`test_main_static`], for `panic = "abort"`.
pub fn test_main_static_abort(tests: &[&TestDescAndFn]) {
    test_main_static(tests);
}

fn convert(test: &TestDescAndFn) -> Option<supervise::Test> {
    let StaticTestFn(f) = test.testfn else {
        return None;
    };
    let StaticTestName(name) = test.desc.name;
    let ignored = test.desc.ignore;
    Some(supervise::Test {
        name: name.to_owned(),
        ignored: ignored.then(|| test.desc.ignore_message.unwrap_or_default().to_owned()),
        should_panic: match test.desc.should_panic {
            ShouldPanic::No => None,
            ShouldPanic::Yes => Some(None),
            ShouldPanic::YesWithMessage(text) => Some(Some(text.to_owned())),
        },
        file: test.desc.source_file.to_owned(),
        line: test.desc.start_line,
        body: Rc::new(f),
    })
}
