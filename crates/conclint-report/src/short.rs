//! One line for each finding, as compilers and editors know it:
//! `src/lib.rs:12:5: error[CL101]: message`.

use std::io::{self, Write};

use crate::Report;
use crate::text::one_line;

pub(crate) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for finding in report.findings.iter().filter(|f| f.suppressed.is_none()) {
        let at = finding.primary();
        writeln!(
            out,
            "{}:{}:{}: {}[{}]: {}",
            one_line(&at.file),
            at.line,
            at.column,
            finding.severity,
            finding.code,
            one_line(&finding.message),
        )?;
    }
    writeln!(out, "{}", report.closing())
}

#[cfg(test)]
mod tests {
    use crate::Format;
    use crate::sample::Sample;

    #[test]
    fn one_line_each_and_the_summary() {
        let sample = Sample::inversion();
        assert_eq!(
            sample.render(Format::Short),
            "src/registry.rs:3:17: error[CL101]: locks in opposite order\n\
             2 files, 20 lines, 2 locks, 2 spawns, 0 calls under a lock not resolved: \
             1 finding (1 error); 1 suppressed\n"
        );
    }
}
