//! The command line of bubblewrap.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use crate::launch::system;
use crate::{Job, Sandbox};

/// Where bubblewrap is.
pub(crate) fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join("bwrap"))
        .find(|file| file.is_absolute() && file.is_file())
}

/// Its arguments, up to and without the launcher's own.
pub(crate) fn arguments(sandbox: &Sandbox, job: &Job) -> Vec<OsString> {
    let mut out: Vec<OsString> = [
        "--unshare-all",
        "--unshare-user",
        "--disable-userns",
        "--die-with-parent",
        "--new-session",
        "--clearenv",
        "--cap-drop",
        "ALL",
        "--hostname",
        "sandbox",
    ]
    .map(Into::into)
    .to_vec();
    let mut add = |parts: &[&OsStr]| out.extend(parts.iter().map(OsString::from));
    for path in system() {
        // `/bin` is a link into `/usr` on most systems.
        match fs::read_link(path) {
            Ok(target) => add(&["--symlink".as_ref(), target.as_ref(), path.as_ref()]),
            Err(_) => add(&["--ro-bind-try".as_ref(), path.as_ref(), path.as_ref()]),
        }
    }
    add(&["--dev".as_ref(), "/dev".as_ref()]);
    // Mounts are made in this order: what is deeper comes later.
    let mut binds: Vec<(&Path, &str)> = job
        .read
        .iter()
        .map(|p| (p.as_path(), "--ro-bind"))
        .chain(job.write.iter().map(|p| (p.as_path(), "--bind")))
        .chain([(sandbox.launcher.as_path(), "--ro-bind")])
        .collect();
    let within = |root: &Path| job.program.starts_with(root);
    if !system().into_iter().any(within) && !binds.iter().any(|(path, _)| within(path)) {
        binds.push((&job.program, "--ro-bind"));
    }
    binds.sort_by_key(|(path, _)| path.components().count());
    for (path, how) in binds {
        add(&[how.as_ref(), path.as_ref(), path.as_ref()]);
    }
    add(&["--remount-ro".as_ref(), "/dev".as_ref()]);
    for (name, value) in &job.env {
        add(&["--setenv".as_ref(), name.as_ref(), value.as_ref()]);
    }
    add(&["--chdir".as_ref(), job.dir.as_ref()]);
    // The root itself is a file system of its own that could be filled.
    add(&["--remount-ro".as_ref(), "/".as_ref(), "--".as_ref()]);
    out
}
