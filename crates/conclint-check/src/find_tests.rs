use tempfile::TempDir;

use super::*;

fn tree(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    // Nothing above the directory has a say.
    fs::create_dir(dir.path().join(".git")).unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn at(dir: &TempDir, paths: &[&str]) -> Found {
    let paths: Vec<_> = paths.iter().map(|p| dir.path().join(p)).collect();
    find(&paths, &Settings::default()).unwrap()
}

fn shown(found: &Found) -> Vec<&str> {
    found.files.iter().map(|f| f.shown.as_str()).collect()
}

fn problems(found: &Found) -> Vec<String> {
    let mut texts: Vec<_> = found.problems.iter().map(ToString::to_string).collect();
    texts.sort();
    texts
}

#[test]
fn source_files_in_a_stable_order() {
    let dir = tree(&[
        ("src/b.rs", ""),
        ("src/a/z.rs", ""),
        ("src/a.rs", ""),
        ("README.md", ""),
        ("a.rs", ""),
    ]);
    assert_eq!(
        shown(&at(&dir, &[""])),
        ["a.rs", "src/a.rs", "src/a/z.rs", "src/b.rs"]
    );
}

#[test]
fn ignored_hidden_and_built_files_are_left_out() {
    let dir = tree(&[
        (".gitignore", "/gen\n"),
        ("gen/a.rs", ""),
        (".hidden/a.rs", ""),
        ("Cargo.toml", "[package]"),
        ("target/debug/a.rs", ""),
        ("cache/CACHEDIR.TAG", ""),
        ("cache/a.rs", ""),
        ("src/target/a.rs", ""),
    ]);
    let found = at(&dir, &[""]);
    assert_eq!(shown(&found), ["src/target/a.rs"]);
    assert_eq!(problems(&found), [] as [&str; 0]);
}

#[test]
fn excluded_by_configuration() {
    let dir = tree(&[
        ("src/a.rs", ""),
        ("src/gen/b.rs", ""),
        ("gen.rs", ""),
        ("vendor/x/c.rs", ""),
    ]);
    let settings = Settings {
        exclude: vec!["gen".to_owned(), "/vendor".to_owned()],
        root: Some(dir.path().to_owned()),
        ..Settings::default()
    };
    let found = find(&[dir.path().to_owned()], &settings).unwrap();
    assert_eq!(shown(&found), ["gen.rs", "src/a.rs"]);
    let found = find(&[dir.path().join("src")], &settings).unwrap();
    assert_eq!(shown(&found), ["a.rs"]);
}

#[test]
fn problems_come_in_the_order_of_their_files() {
    let dir = tree(&[]);
    let names: Vec<String> = (10..74).map(|i| format!("d{i}/x.rs")).collect();
    for name in &names {
        fs::create_dir_all(dir.path().join(name)).unwrap();
    }
    let found = find(&[dir.path().to_owned()], &Settings::default()).unwrap();
    let told: Vec<&str> = found.problems.iter().map(|p| &*p.file).collect();
    assert_eq!(told, names);
}

#[test]
fn packages_that_cargo_vendor_put_there_are_left_out() {
    let dir = tree(&[
        ("src/main.rs", ""),
        ("vendor/one/src/lib.rs", ""),
        ("vendor/one/Cargo.toml", "[package]\nname = \"one\"\n"),
        ("vendor/one/.cargo-checksum.json", "{}"),
        ("vendor/two/lib.rs", ""),
        ("vendor/two/.cargo-checksum.json", "{}"),
        ("vendor/own/lib.rs", ""),
    ]);
    let found = find(&[dir.path().to_owned()], &Settings::default()).unwrap();
    assert_eq!(shown(&found), ["src/main.rs", "vendor/own/lib.rs"]);
    let [problem] = &found.problems[..] else {
        panic!("{:?}", found.problems);
    };
    assert_eq!(problem.file, "vendor");
    assert!(
        problem
            .reason
            .starts_with("2 packages put there by `cargo vendor`")
    );
    assert_eq!(shown(&at(&dir, &["vendor/one"])), ["src/lib.rs"]);
}

#[test]
fn one_directory_several_paths_and_files() {
    let dir = tree(&[("x/a.rs", ""), ("y/b.rs", ""), ("c.rs", "")]);
    assert_eq!(shown(&at(&dir, &["x"])), ["a.rs"]);
    let prefix = slashes(dir.path());
    assert_eq!(
        shown(&at(&dir, &["y", "x", "x/a.rs", "c.rs"])),
        [
            format!("{prefix}/c.rs"),
            format!("{prefix}/x/a.rs"),
            format!("{prefix}/y/b.rs")
        ]
    );
    assert_eq!(at(&dir, &["y", "x"]).files[0].inner, "x/a.rs");
    assert_eq!(slashes(Path::new("./a/./b")), "a/b");
    assert_eq!(slashes(Path::new("../a")), "../a");
    assert_eq!(slashes(Path::new("/")), "/");
}

#[test]
fn manifests_below_and_above() {
    let dir = tree(&[
        ("Cargo.toml", "[workspace]\nmembers = [\"a\"]\n"),
        ("a/Cargo.toml", "[package]\nname = \"a\"\n"),
        ("a/src/lib.rs", ""),
        ("a/src/deep/x.rs", ""),
    ]);
    let dirs = |found: &Found| {
        found
            .manifests
            .iter()
            .map(|m| m.dir.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(dirs(&at(&dir, &[""])), ["", "a"]);
    let found = at(&dir, &["a/src"]);
    assert_eq!(dirs(&found), ["", "a"]);
    assert_eq!(shown(&found), ["deep/x.rs", "lib.rs"]);
    assert_eq!(found.files[1].inner, "a/src/lib.rs");
    assert_eq!(dirs(&at(&dir, &["a/src/deep/x.rs"])), ["", "a"]);
}

#[test]
fn a_path_that_is_missing_is_an_error() {
    let dir = tree(&[]);
    assert!(matches!(
        find(&[dir.path().join("nowhere")], &Settings::default()),
        Err(Error::NoSuchPath(path)) if path.ends_with("nowhere")
    ));
    assert_eq!(shown(&at(&dir, &[""])), [] as [&str; 0]);
}

#[test]
fn directories_and_other_files_are_named() {
    let dir = tree(&[("x.rs/a.rs", ""), ("notes.txt", "")]);
    let found = at(&dir, &[""]);
    assert_eq!(shown(&found), ["x.rs/a.rs"]);
    assert_eq!(problems(&found), ["x.rs: is a directory"]);
    let found = at(&dir, &["notes.txt"]);
    assert!(problems(&found)[0].ends_with("notes.txt: not a Rust source file"));
}

#[cfg(unix)]
#[test]
fn links_are_named_and_not_followed() {
    use std::os::unix::fs::symlink;

    let dir = tree(&[("src/a.rs", "")]);
    symlink(dir.path(), dir.path().join("src/loop")).unwrap();
    symlink("self.rs", dir.path().join("src/self.rs")).unwrap();
    symlink("a.rs", dir.path().join("src/b.rs")).unwrap();
    let found = at(&dir, &[""]);
    assert_eq!(shown(&found), ["src/a.rs"]);
    assert_eq!(
        problems(&found),
        [
            "src/b.rs: a symbolic link, not followed",
            "src/self.rs: a symbolic link, not followed"
        ]
    );
}

#[test]
fn texts_and_why_not() {
    let dir = tree(&[("a.rs", "\u{feff}fn f() {}")]);
    let path = |name: &str| dir.path().join(name);
    fs::write(path("latin.rs"), b"// caf\xe9\n").unwrap();
    fs::write(path("large.rs"), vec![b' '; 101]).unwrap();
    fs::write(path("fits.rs"), vec![b' '; 100]).unwrap();
    assert_eq!(read_text(&path("a.rs"), 100).as_deref(), Ok("fn f() {}"));
    assert_eq!(
        read_text(&path("latin.rs"), 100),
        Err("not UTF-8 (byte 6)".to_owned())
    );
    assert_eq!(
        read_text(&path("large.rs"), 100),
        Err("too large: more than 100 bytes (`max-file-bytes`)".to_owned())
    );
    assert!(read_text(&path("fits.rs"), 100).is_ok());
    assert_eq!(
        read_text(&path("gone.rs"), 100),
        Err("no such file or directory".to_owned())
    );
}
