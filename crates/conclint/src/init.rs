//! `conclint init`: what a project needs to begin with. Writes files that are
//! not there, and changes none that is.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use anstream::ColorChoice;
use conclint_check::{config, slashes};

use crate::args::{CiArg, InitArgs};
use crate::{Failure, exit, say};

const CONFIG: &str = include_str!("../templates/conclint.toml");
const TEST: &str = include_str!("../templates/lint-test.rs");

impl CiArg {
    /// Where the file goes, and what it holds.
    fn file(self) -> (&'static str, &'static str) {
        match self {
            CiArg::Github => (
                ".github/workflows/conclint.yml",
                include_str!("../templates/github.yml"),
            ),
            CiArg::Gitlab => (
                ".gitlab/conclint.yml",
                include_str!("../templates/gitlab.yml"),
            ),
            CiArg::Slurm => ("conclint-slurm.sh", include_str!("../templates/slurm.sh")),
            CiArg::Kubernetes => (
                "conclint-kubernetes.yaml",
                include_str!("../templates/kubernetes.yaml"),
            ),
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: &InitArgs, color: ColorChoice) -> Result<u8, Failure> {
    let dir = &args.dir;
    let manifest = fs::read_to_string(dir.join("Cargo.toml")).map_err(|error| {
        let file = slashes(&dir.join("Cargo.toml"));
        let message = match error.kind() {
            io::ErrorKind::NotFound => {
                format!(
                    "{file}: no such file; `init` goes into the directory of a package or workspace"
                )
            }
            _ => format!("{file}: {error}"),
        };
        Failure::Message(message, exit::ERROR)
    })?;
    let manifest: toml::Table = manifest.parse().map_err(|error: toml::de::Error| {
        let text = error.message().to_owned();
        Failure::Message(format!("Cargo.toml: {text}"), exit::ERROR)
    })?;
    create(dir, config::FILE_NAME, CONFIG, color)?;
    if manifest.contains_key("package") {
        create(dir, "tests/conclint.rs", TEST, color)?;
        if !depends_on_the_test(&manifest) {
            say(
                color,
                "next: `conclint-test` as a dev-dependency, from where conclint is from (`cargo add \
                 --dev conclint-test --git URL`, or `--path DIR/crates/conclint-test`), then \
                 `cargo test`",
            );
        }
    } else {
        say(
            color,
            "a workspace without a package at its root: `conclint_test::lint!();` goes into a \
             test of one of its packages, with `conclint-test` as its dev-dependency",
        );
    }
    if let Some(ci) = args.ci {
        let (file, text) = ci.file();
        create(dir, file, text, color)?;
    }
    Ok(exit::CLEAN)
}

fn depends_on_the_test(manifest: &toml::Table) -> bool {
    ["dev-dependencies", "dev_dependencies"]
        .iter()
        .filter_map(|key| manifest.get(*key)?.as_table())
        .any(|table| table.contains_key("conclint-test"))
}

/// Writes a file unless something of that name is there.
fn create(dir: &Path, name: &str, text: &str, color: ColorChoice) -> Result<(), Failure> {
    let path = dir.join(name);
    let write = || -> io::Result<()> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut file = File::options().write(true).create_new(true).open(&path)?;
        file.write_all(text.as_bytes())
    };
    match write() {
        Ok(()) => say(color, &format!("{name}: written")),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            say(color, &format!("{name}: there already, left as it is"));
        }
        Err(error) => {
            return Err(Failure::Message(
                format!("{}: {error}", slashes(&path)),
                exit::ERROR,
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn init(dir: &Path, ci: Option<CiArg>) -> u8 {
        let args = InitArgs {
            dir: dir.to_owned(),
            ci,
        };
        match run(&args, ColorChoice::Never) {
            Ok(code) => code,
            Err(_) => panic!("refused"),
        }
    }

    #[test]
    fn the_configuration_it_writes_means_the_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("conclint.toml");
        fs::write(&file, CONFIG).unwrap();
        let request = conclint_check::Request {
            config: config::Source::File(file.clone()),
            ..Default::default()
        };
        fn shown(request: &conclint_check::Request) -> String {
            config::show(&config::resolve(request).unwrap())
        }
        let plain = shown(&conclint_check::Request {
            config: config::Source::Nothing,
            ..Default::default()
        });
        let rest: Vec<String> = shown(&request)
            .lines()
            .filter(|line| !line.starts_with("baseline"))
            .map(str::to_owned)
            .collect();
        assert_eq!(rest, plain.lines().collect::<Vec<_>>());
        // With every comment that holds a setting taken away it is still a configuration.
        let opened: String = CONFIG
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.starts_with('[') || rest.contains(" = ") => rest,
                _ => line,
            })
            .flat_map(|line| [line, "\n"])
            .collect();
        fs::write(&file, opened).unwrap();
        let resolved = config::resolve(&request).unwrap();
        assert_eq!(resolved.settings.lock_orders.len(), 1);
        assert_eq!(resolved.settings.lock_types.len(), 1);
        assert_eq!(resolved.settings.severities.len(), 1);
    }

    #[test]
    fn what_exists_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("Cargo.toml"), "[package]\nname = \"x\"\n").unwrap();
        fs::write(dir.path().join("conclint.toml"), "# mine\n").unwrap();
        for _ in 0..2 {
            assert_eq!(init(dir.path(), Some(CiArg::Github)), exit::CLEAN);
        }
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(read("conclint.toml"), "# mine\n");
        assert_eq!(read("tests/conclint.rs"), TEST);
        assert!(read(".github/workflows/conclint.yml").contains("conclint\" merge "));
    }

    #[test]
    fn a_workspace_without_a_package_gets_no_test() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("Cargo.toml"), "[workspace]\n").unwrap();
        init(dir.path(), None);
        assert!(dir.path().join("conclint.toml").exists());
        assert!(!dir.path().join("tests").exists());
    }
}
