//! `conclint baseline write|check|prune`.

use std::path::PathBuf;

use anstream::ColorChoice;
use conclint_check::baseline::{Baseline, Difference, FILE_NAME, Key, LookedAt, directory};
use conclint_check::{Outcome, Settings, config, slashes};

use crate::args::{BaselineAction, BaselineFileArgs};
use crate::{Failure, commands, exit, output, say};

/// A check without the baseline, and where the baseline is.
struct Run {
    outcome: Outcome,
    file: PathBuf,
    /// The file as the user knows it.
    shown: String,
    dir: PathBuf,
    now: Baseline,
    /// The configuration already names the file.
    configured: bool,
}

/// Runs the command.
pub(crate) fn run(action: BaselineAction, color: ColorChoice) -> Result<u8, Failure> {
    match action {
        BaselineAction::Write { force, file } => write(file, force, color),
        BaselineAction::Check(file) => check(file, color),
        BaselineAction::Prune(file) => prune(file, color),
    }
}

fn write(args: BaselineFileArgs, force: bool, color: ColorChoice) -> Result<u8, Failure> {
    let run = Run::new(args, color)?;
    if run.file.exists() && !force {
        let difference = run.difference(&run.known()?);
        if !difference.risen.is_empty() {
            list(&difference.risen, "more than", color)?;
            let message = format!(
                "{}: counts only fall; `--force` writes them all the same",
                run.shown
            );
            return Err(Failure::Message(message, exit::FINDINGS));
        }
    }
    run.save(&run.now)?;
    say(
        color,
        &format!("{}: {} known findings", run.shown, run.now.len()),
    );
    if !run.configured {
        let name = run.file.file_name().unwrap_or_default().to_string_lossy();
        say(
            color,
            &format!(
                "use it with `--baseline {}`, or with `baseline = \"{name}\"` in {} beside it",
                run.shown,
                config::FILE_NAME,
            ),
        );
    }
    Ok(exit::CLEAN)
}

fn check(args: BaselineFileArgs, color: ColorChoice) -> Result<u8, Failure> {
    let run = Run::new(args, color)?;
    let known = run.known()?;
    let difference = run.difference(&known);
    list(&difference.risen, "more than", color)?;
    list(&difference.fallen, "fewer than", color)?;
    if difference.fallen.is_empty() && difference.risen.is_empty() {
        say(
            color,
            &format!("{}: as written, {} findings", run.shown, known.len()),
        );
        return Ok(exit::CLEAN);
    }
    if !difference.fallen.is_empty() {
        say(
            color,
            "`conclint baseline prune` takes out what is no longer found",
        );
    }
    Ok(exit::FINDINGS)
}

fn prune(args: BaselineFileArgs, color: ColorChoice) -> Result<u8, Failure> {
    let run = Run::new(args, color)?;
    let known = run.known()?;
    let pruned = known.pruned(&run.difference(&known));
    let gone = known.len() - pruned.len();
    if gone > 0 {
        run.save(&pruned)?;
    }
    say(
        color,
        &format!("{}: {gone} taken out, {} left", run.shown, pruned.len()),
    );
    Ok(exit::CLEAN)
}

impl Run {
    fn new(args: BaselineFileArgs, color: ColorChoice) -> Result<Self, Failure> {
        let BaselineFileArgs { select, baseline } = args;
        let mut request = select.request(None);
        let settings = config::resolve(&request)?.settings;
        // The findings themselves are wanted, not what a baseline leaves of them.
        request.without_baseline = true;
        let outcome = commands::run(&request, color)?;
        let configured = baseline.is_none() && settings.baseline.is_some();
        let file = baseline.unwrap_or_else(|| default_file(&settings, &outcome));
        let dir = directory(&file);
        let now = Baseline::of(&outcome, &dir);
        let here = std::env::current_dir().and_then(std::fs::canonicalize).ok();
        let below = here.and_then(|here| file.strip_prefix(here).ok().map(slashes));
        Ok(Run {
            shown: below.unwrap_or_else(|| slashes(&file)),
            outcome,
            file,
            dir,
            now,
            configured,
        })
    }

    fn known(&self) -> Result<Baseline, Failure> {
        Baseline::load(&self.file).map_err(|error| {
            let error = conclint_check::ConfigError {
                file: self.shown.clone(),
                ..error
            };
            conclint_check::Error::Config(error).into()
        })
    }

    fn difference(&self, known: &Baseline) -> Difference {
        known.compare(&self.now, &LookedAt::of(&self.outcome, &self.dir))
    }

    fn save(&self, baseline: &Baseline) -> Result<(), Failure> {
        output::to_file(&self.file, |out| out.write_all(baseline.text().as_bytes()))
            .map_err(|error| Failure::Message(format!("{}: {error}", self.shown), exit::ERROR))
    }
}

fn default_file(settings: &Settings, outcome: &Outcome) -> PathBuf {
    match (&settings.baseline, &settings.root) {
        (Some(file), _) => file.path.clone(),
        (None, Some(root)) => root.join(FILE_NAME),
        (None, None) => outcome.base.join(FILE_NAME),
    }
}

/// One line for each kind of finding, on standard output.
fn list(kinds: &[(Key, usize)], how: &str, color: ColorChoice) -> Result<(), Failure> {
    output::to_stdout(color, |_, out| {
        for (key, n) in kinds {
            let line = format!(
                "{}: {} in `{}` ({}): {n} {how} written down",
                key.path,
                key.lint,
                key.item,
                key.locks.join(", "),
            );
            writeln!(out, "{}", conclint_report::one_line(&line))?;
        }
        Ok(())
    })?;
    Ok(())
}
