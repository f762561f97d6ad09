//! Concurrency lints as a test: fails with what `conclint check` finds.

conclint_test::lint!();
