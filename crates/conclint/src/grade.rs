//! `conclint grade`.

use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anstream::ColorChoice;
use conclint_grade::build::Toolchain;
use conclint_grade::mutants::{self, Fate};
use conclint_grade::receipt::Receipt;
use conclint_grade::rubric::marks;
use conclint_grade::{Assignment, Batch, Graded, Grader, Outcome, Spent, batch, exporters, intake};
use conclint_grade::{check_assignment as checks, write_whole};
use conclint_sandbox::{Doctor, Sandbox, Tier, doctor};

use crate::grade_args::{
    CheckAssignmentArgs, ExportArgs, GradeCommand, ReplayArgs, RunArgs, TierArgs,
};
use crate::judging::Judging;
use crate::{Failure, exit, output, say};

/// Where a run notes which assignment it graded.
const RUN: &str = "run.json";

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::Message(format!("{error:#}"), exit::ERROR)
    }
}

fn wrong(message: impl Into<String>) -> Failure {
    Failure::Message(message.into(), exit::ERROR)
}

/// Any of the commands.
pub(crate) fn grade(command: GradeCommand, color: ColorChoice) -> Result<u8, Failure> {
    match command {
        GradeCommand::Run(args) => run(&args, color),
        GradeCommand::CheckAssignment(args) => check_assignment(&args, color),
        GradeCommand::Replay(args) => replay(&args, color),
        GradeCommand::Export(args) => export(&args, color),
        GradeCommand::Doctor => tell(color),
    }
}

fn launcher() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|e| wrong(format!("this program cannot find itself: {e}")))
}

/// The sandbox that was asked for, or the strongest there is.
fn sandbox(args: &TierArgs, color: ColorChoice) -> Result<Sandbox, Failure> {
    let launcher = launcher()?;
    let doctor = doctor(&launcher);
    let fits = |tier: Tier| {
        args.tier.is_none_or(|n| n == tier.number())
            && args.require_tier.is_none_or(|n| tier.number() <= n)
    };
    let mut usable = doctor.checks.iter().filter(|c| c.problem.is_none());
    let Some(check) = usable.find(|c| fits(c.tier)) else {
        for line in lines(&doctor) {
            say(color, &line);
        }
        return Err(wrong("no sandbox that may be used works on this machine"));
    };
    say(color, &format!("sandbox tier {}", check.tier));
    Ok(Sandbox::new(check.tier, launcher))
}

fn lines(doctor: &Doctor) -> Vec<String> {
    let line = |c: &conclint_sandbox::Check| match &c.problem {
        None => format!("tier {}: works", c.tier),
        Some(problem) => format!("tier {}: {problem}", c.tier),
    };
    doctor.checks.iter().map(line).collect()
}

/// `conclint grade doctor`.
fn tell(color: ColorChoice) -> Result<u8, Failure> {
    let doctor = doctor(&launcher()?);
    output::to_stdout(color, |_, out| {
        for line in lines(&doctor) {
            writeln!(out, "{line}")?;
        }
        match &doctor.groups {
            Ok(list) if list.is_empty() => {
                writeln!(
                    out,
                    "cgroup v2: used, to kill all of a job; no controllers for limits"
                )?;
            }
            Ok(list) => writeln!(out, "cgroup v2: used, limits by {}", list.join(", "))?,
            Err(why) => writeln!(out, "cgroup v2: not used: {why}")?,
        }
        match doctor.best() {
            Some(tier) => writeln!(out, "submissions run in tier {tier}"),
            None => writeln!(out, "submissions cannot be run on this machine"),
        }
    })?;
    Ok(match doctor.best() {
        Some(_) => exit::CLEAN,
        None => exit::ERROR,
    })
}

/// A grader that builds in `work`.
fn grader(
    assignment: &Path,
    tier: &TierArgs,
    work: PathBuf,
    color: ColorChoice,
) -> Result<Grader, Failure> {
    let assignment = Assignment::load(assignment)?;
    let sandbox = sandbox(tier, color)?;
    let toolchain = Toolchain::find(&assignment)?;
    let work = work
        .canonicalize()
        .map_err(|e| wrong(format!("cannot write to {}: {e}", work.display())))?;
    Ok(Grader {
        assignment,
        toolchain,
        sandbox,
        work,
        spent: Spent::default(),
    })
}

fn scratch() -> Result<tempfile::TempDir, Failure> {
    tempfile::Builder::new()
        .prefix("conclint-grade-")
        .tempdir()
        .map_err(|e| wrong(format!("no room for builds: {e}")))
}

/// `conclint grade run`.
fn run(args: &RunArgs, color: ColorChoice) -> Result<u8, Failure> {
    let work = scratch()?;
    let mut grader = grader(&args.assignment, &args.tier, work.path().to_owned(), color)?;
    if args.released {
        grader.assignment.release();
    }
    apart(&args.submissions, &args.out)?;
    batch::earlier(&grader.assignment, &args.out)?;
    let taken = intake::read(&grader.assignment, &args.submissions)?;
    let submissions = taken.submissions;
    let count = submissions.len();
    if !taken.left_out.is_empty() {
        let names = taken.left_out.join(", ");
        say(color, &format!("not taken for submissions: {names}"));
    }
    let timeless = submissions.iter().filter(|s| s.submitted_at.is_none());
    let timeless = timeless.count();
    if timeless > 0 && grader.assignment.manifest.late.is_some() {
        let note = format!(
            "the time of {timeless} of {count} submissions is not known, and nothing is taken off \
             for lateness: a submissions.csv with id,submitted_at beside them gives it"
        );
        say(color, &note);
    }
    let note = serde_json::json!({ "assignment": grader.assignment.dir });
    write_whole(&args.out.join(RUN), format!("{note:#}\n").as_bytes())?;
    let jobs = args.jobs.map_or_else(
        || std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        NonZeroUsize::get,
    );
    let began = Instant::now();
    let judging = Judging::new(color);
    let report = batch::run(&grader, submissions, &args.out, jobs, &|step| {
        judging.step(step);
    });
    judging.end();
    let report = report?;
    let spent = began.elapsed();
    output::to_stdout(color, |_, out| table(&report, out))?;
    let of = |outcome| report.batch.count(outcome);
    say(
        color,
        &format!(
            "{count} submissions in {:.1} s ({} looked at, {} from an earlier run): {} graded, {} \
             partly graded, {} ungradable, {} failed",
            spent.as_secs_f64(),
            report.judged,
            report.resumed,
            of(Outcome::Graded),
            of(Outcome::PartlyGraded),
            of(Outcome::Ungradable),
            of(Outcome::Failed),
        ),
    );
    if report.judged > 0 {
        say(color, &format!("time of all workers: {}", grader.spent));
    }
    let needs = report.batch.submissions.iter();
    Ok(if needs.clone().any(|e| e.marks.outcome.needs_human()) {
        exit::NEEDS_HUMAN
    } else {
        exit::CLEAN
    })
}

/// Results among the submissions would be the next run's students.
fn apart(submissions: &Path, out: &Path) -> Result<(), Failure> {
    let whole = |path: &Path| {
        let path = std::path::absolute(path)?;
        Ok::<_, std::io::Error>(path.canonicalize().unwrap_or(path))
    };
    let (Ok(submissions), Ok(out)) = (whole(submissions), whole(out)) else {
        return Ok(());
    };
    if submissions.is_dir() && out.starts_with(&submissions) {
        return Err(wrong(format!(
            "{} lies among the submissions: give another --out",
            out.display()
        )));
    }
    Ok(())
}

fn table(report: &batch::Report, out: &mut dyn Write) -> std::io::Result<()> {
    let wide = report
        .batch
        .submissions
        .iter()
        .map(|e| e.id.chars().count());
    let wide = wide.max().unwrap_or(0);
    for entry in &report.batch.submissions {
        let id = &entry.id;
        write!(out, "{id:wide$}  ")?;
        match entry.marks.points {
            Some(points) => write!(out, "{points:>6.2} of {}", entry.marks.max_points)?,
            None => write!(out, "{}", entry.marks.outcome.text())?,
        }
        let lost = batch::lost(&entry.marks);
        if !lost.is_empty() {
            write!(out, "  loses {}", lost.join(", "))?;
        }
        if let Some(reason) = entry.marks.reasons.first() {
            write!(out, "  {}", conclint_report::one_line(reason))?;
        }
        writeln!(out)?;
    }
    if !report.changes.is_empty() {
        writeln!(out, "\nchanged since the last run:")?;
        for line in &report.changes {
            writeln!(out, "  {line}")?;
        }
    }
    Ok(())
}

/// `conclint grade check-assignment`.
fn check_assignment(args: &CheckAssignmentArgs, color: ColorChoice) -> Result<u8, Failure> {
    let work = scratch()?;
    let grader = grader(&args.assignment, &args.tier, work.path().to_owned(), color)?;
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let report = checks::check(&grader, jobs)?;
    let bad = report.checked.iter().filter(|c| c.problem.is_some());
    let bad = bad.count();
    output::to_stdout(color, |_, out| {
        for check in &report.checked {
            show_check(check, out)?;
        }
        if report.checked.iter().any(|c| c.timing) {
            writeln!(
                out,
                "(timing): only time stands between. A thread that can run may be held up for up \
                 to a second, all in all: leave more than that between a limit and what it waits \
                 for"
            )?;
        }
        if !report.left.is_empty() {
            writeln!(out, "{}", report.left)?;
        }
        let checked = report.checked.len();
        writeln!(out, "{checked} checked, {bad} not as they should be")
    })?;
    if args.mutants && report.full {
        show_mutants(&grader, jobs, color)?;
    } else if args.mutants {
        output::to_stdout(color, |_, out| {
            writeln!(
                out,
                "--mutants: nothing was tried, as the reference does not have all points"
            )
        })?;
    }
    Ok(if bad == 0 {
        exit::CLEAN
    } else {
        exit::FINDINGS
    })
}

/// A line, and one for each reason.
fn show_check(check: &checks::Checked, out: &mut dyn Write) -> std::io::Result<()> {
    let verdict = if check.problem.is_some() {
        "BAD "
    } else {
        "ok  "
    };
    let parts = [check.seen.as_str(), check.problem.as_deref().unwrap_or("")];
    let parts: Vec<&str> = parts.into_iter().filter(|p| !p.is_empty()).collect();
    let parts = parts.join(": ");
    let parts = conclint_report::one_line(&parts);
    writeln!(out, "{verdict} {}: {parts}", check.what)?;
    for line in &check.details {
        writeln!(out, "       {}", conclint_report::one_line(line))?;
    }
    Ok(())
}

/// Small mistakes in the reference, each with what it changes and what kills it; first those that
/// keep full marks. They are hints to the author, so the exit code says nothing of them: a mutant
/// may be no mistake at all.
fn show_mutants(grader: &Grader, jobs: usize, color: ColorChoice) -> Result<(), Failure> {
    let report = mutants::grade(grader, jobs)?;
    let rank = |fate: &Fate| match fate {
        Fate::Survived(_) => 0,
        Fate::Equivalent(_) => 1,
        Fate::Killed(_) | Fate::NoProgram => 2,
    };
    let mut programs: Vec<_> = report.judged.iter().collect();
    programs.retain(|judged| judged.fate != Fate::NoProgram);
    programs.sort_by_key(|judged| rank(&judged.fate));
    output::to_stdout(color, |_, out| {
        for judged in &programs {
            writeln!(out, "{judged}")?;
            for change in &judged.mutant.changes {
                writeln!(out, "           {change}")?;
            }
        }
        for entry in &report.stale {
            writeln!(
                out,
                "equivalent-mutants.toml: {entry}: no mutant that keeps all points is that; remove it"
            )?;
        }
        match report.share() {
            (_, 0) => writeln!(
                out,
                "--mutants: the reference has no place for any of the small mistakes"
            )?,
            (killed, all) => writeln!(out, "{killed} of {all} small mistakes lose marks")?,
        }
        match report.judged.len() - programs.len() {
            0 => Ok(()),
            left => writeln!(out, "{left} more were left out: they do not compile"),
        }
    })?;
    Ok(())
}

/// `conclint grade replay`.
fn replay(args: &ReplayArgs, color: ColorChoice) -> Result<u8, Failure> {
    let receipt = Receipt::load(&args.receipt)?;
    let path = args.receipt.canonicalize();
    let path = path.unwrap_or_else(|_| args.receipt.clone());
    let beside = path.parent().unwrap_or(Path::new("."));
    let assignment = match &args.assignment {
        Some(dir) => dir.clone(),
        None => noted(beside).ok_or_else(|| {
            wrong("the receipt lies no longer where it was written: give --assignment")
        })?,
    };
    let work = scratch()?;
    let grader = grader(&assignment, &args.tier, work.path().to_owned(), color)?;
    let kept = beside.join("submission");
    let path = args.submission.as_ref().unwrap_or(&kept);
    let mut submission = intake::read_one(&grader.assignment, path)?;
    submission.id = own_id(beside).unwrap_or_else(|| receipt.id.clone());
    submission.submitted_at.clone_from(&receipt.submitted_at);
    let evidence = grader.judge(&submission);
    let at = submission.submitted_at.clone();
    let graded = Graded {
        marks: marks(&grader.assignment, &evidence, at.as_deref()),
        evidence,
        submission,
    };
    let now = Receipt::of(&grader, &graded);
    let differences = receipt.differences(&now);
    let tiers = receipt.tiers(&now);
    output::to_stdout(color, |_, out| {
        for mark in &now.marks.criteria {
            let points = mark.points.map_or("?".to_owned(), |p| format!("{p:.2}"));
            let status = mark.status.text();
            writeln!(
                out,
                "{points:>6} of {}  {}: {status}",
                mark.max_points, mark.id
            )?;
        }
        match now.marks.points {
            Some(points) => writeln!(out, "{points:>6.2} of {}", now.marks.max_points)?,
            None => writeln!(out, "{}", now.marks.outcome.text())?,
        }
        if let Some(line) = &tiers {
            writeln!(out, "{line}")?;
        }
        if differences.is_empty() {
            let rest = if tiers.is_some() { "all else is " } else { "" };
            return writeln!(out, "{rest}the same as in the receipt");
        }
        for line in &differences {
            writeln!(out, "not the same: {line}")?;
        }
        Ok(())
    })?;
    Ok(if differences.is_empty() {
        exit::CLEAN
    } else {
        exit::FINDINGS
    })
}

/// The assignment that the run above a receipt's directory graded.
fn noted(beside: &Path) -> Option<PathBuf> {
    let out = beside.parent()?.parent()?;
    let text = fs::read_to_string(out.join(RUN)).ok()?;
    let value: serde_json::Value = serde_json::from_str(&text).ok()?;
    value["assignment"].as_str().map(PathBuf::from)
}

/// The id of the submission whose receipt lies where the run put it: the directory's name.
fn own_id(beside: &Path) -> Option<String> {
    noted(beside)?;
    Some(beside.file_name()?.to_str()?.to_owned())
}

/// `conclint grade export`.
fn export(args: &ExportArgs, color: ColorChoice) -> Result<u8, Failure> {
    let mut batch = Batch::load(&args.out.join("marks.json"))?;
    if let Some(id) = &args.submission {
        batch.submissions.retain(|e| e.id == *id);
        if batch.submissions.is_empty() {
            return Err(wrong(format!("there is no submission {id:?}")));
        }
    }
    let template = match &args.template {
        Some(file) => Some(
            fs::read_to_string(file)
                .map_err(|e| wrong(format!("cannot read {}: {e}", file.display())))?,
        ),
        None => None,
    };
    if args.released {
        exporters::release(&mut batch);
    }
    let export = exporters::export(args.format.into(), &batch, template.as_deref())?;
    let text = export.text.as_bytes();
    match &args.output {
        Some(file) => write_whole(file, text)?,
        None => output::to_stdout(color, |_, out| out.write_all(text))?,
    }
    for note in &export.notes {
        say(color, note);
    }
    for line in &export.unplaced {
        say(color, &format!("not written: {line}"));
    }
    Ok(if export.unplaced.is_empty() {
        exit::CLEAN
    } else {
        exit::NEEDS_HUMAN
    })
}
