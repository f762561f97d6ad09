//! Small trees of files, and the crates made of them.

use super::*;
use crate::parse::parse_file;

/// Files by path, manifests by folder.
pub(crate) fn build(files: &[(&str, &str)], manifests: &[(&str, &str)]) -> Workspace {
    let files = files
        .iter()
        .map(|(path, text)| ParsedFile {
            path: (*path).into(),
            hir: parse_file(text),
        })
        .collect();
    let manifests: Vec<_> = manifests
        .iter()
        .map(|(dir, text)| ManifestInput {
            dir: (*dir).into(),
            text: (*text).into(),
        })
        .collect();
    Workspace::build(&manifests, files)
}

impl Workspace {
    /// `path: kind name edition`, by path.
    fn places(&self) -> Vec<String> {
        let place = |f: &File| {
            let c = &self.crates[f.krate.index()];
            format!(
                "{}: {:?} {} {:?}{}",
                f.path,
                c.kind,
                c.name,
                c.edition,
                if f.is_test { " test" } else { "" }
            )
        };
        self.files.iter().map(place).collect()
    }

    fn krate(&self, name: &str, kind: CrateKind) -> &Crate {
        self.crates
            .iter()
            .find(|c| c.name == name && c.kind == kind)
            .expect("a crate of that name")
    }
}

#[test]
fn targets_declared_and_discovered() {
    let ws = build(
        &[
            ("build.rs", "fn main() {}"),
            ("src/lib.rs", "mod a;"),
            ("src/a.rs", ""),
            ("src/main.rs", "mod a; mod only;"),
            ("src/only.rs", ""),
            ("src/bin/tool.rs", ""),
            ("src/bin/big/main.rs", "mod part;"),
            ("src/bin/big/part.rs", ""),
            ("tests/it.rs", "mod common;"),
            ("tests/common/mod.rs", ""),
            ("examples/ex.rs", ""),
            ("benches/be.rs", ""),
            ("odd/place.rs", ""),
        ],
        &[(
            "",
            "[package]\nname = 'my-pkg'\nedition = '2021'\n[[bin]]\nname = 'odd'\npath = 'odd/place.rs'\n[[bin]]\nname = 'absent'",
        )],
    );
    assert_eq!(
        ws.places(),
        [
            "benches/be.rs: Bench be E2021 test",
            "build.rs: BuildScript build_script E2021",
            "examples/ex.rs: Example ex E2021",
            "odd/place.rs: Bin odd E2021",
            "src/a.rs: Lib my_pkg E2021",
            "src/bin/big/main.rs: Bin big E2021",
            "src/bin/big/part.rs: Bin big E2021",
            "src/bin/tool.rs: Bin tool E2021",
            "src/lib.rs: Lib my_pkg E2021",
            "src/main.rs: Bin my_pkg E2021",
            "src/only.rs: Bin my_pkg E2021",
            "tests/common/mod.rs: Test it E2021 test",
            "tests/it.rs: Test it E2021 test",
        ]
    );
    let lib = ws.krate("tool", CrateKind::Bin).deps["my_pkg"]
        .krate
        .expect("the library");
    assert_eq!(ws.crates[lib.index()].kind, CrateKind::Lib);
}

#[test]
fn autodiscovery_can_be_off() {
    let ws = build(
        &[("src/lib.rs", ""), ("tests/it.rs", ""), ("build.rs", "")],
        &[(
            "",
            "[package]\nname = 'p'\nautotests = false\nbuild = false",
        )],
    );
    assert_eq!(
        ws.places(),
        [
            "build.rs: Loose build E2015",
            "src/lib.rs: Lib p E2015",
            "tests/it.rs: Loose it E2015 test"
        ]
    );
}

#[test]
fn module_paths() {
    let ws = build(
        &[
            (
                "src/lib.rs",
                "mod a; mod c { mod d; #[path = \"x.rs\"] mod e; } #[path = \"other/odd.rs\"] mod f; mod r#async;",
            ),
            ("src/a/mod.rs", "mod b;"),
            (
                "src/a/b.rs",
                "mod deep; mod i { #[path = \"p.rs\"] mod q; }",
            ),
            ("src/a/b/deep.rs", ""),
            ("src/a/b/i/p.rs", ""),
            ("src/c/d.rs", ""),
            ("src/c/x.rs", ""),
            ("src/other/odd.rs", "mod near;"),
            ("src/other/near.rs", "include!(\"gen.rs\");"),
            ("src/other/gen.rs", ""),
            (
                "src/async.rs",
                "#[path = \"lib.rs\"] mod again; #[path = \"async.rs\"] mod me;",
            ),
        ],
        &[("", "[package]\nname = 'p'\nedition = '2018'")],
    );
    assert_eq!(ws.crates.len(), 1);
    let included = ws
        .files
        .iter()
        .find(|f| &*f.path == "src/other/gen.rs")
        .and_then(|f| f.owner);
    assert!(included.is_some_and(|o| o.included));
}

#[test]
fn dependencies_across_packages() {
    let ws = build(
        &[
            ("core/src/lib.rs", ""),
            ("app/src/main.rs", ""),
            ("app/build.rs", ""),
        ],
        &[
            (
                "",
                "[workspace]\n[workspace.package]\nedition = '2024'\n[workspace.dependencies]\nthe-core = { path = 'core' }\nrenamed = { package = 'parking_lot', version = '1' }",
            ),
            (
                "core",
                "[package]\nname = 'the-core'\nedition.workspace = true\n[lib]\nname = 'core_lib'",
            ),
            (
                "app",
                "[package]\nname = 'app'\nedition = { workspace = true }\n[dependencies]\nthe-core.workspace = true\nrenamed = { workspace = true }\n[target.'cfg(unix)'.dependencies]\nlib-c = '1'\n[build-dependencies]\ncc = '1'",
            ),
        ],
    );
    let app = ws.krate("app", CrateKind::Bin);
    assert_eq!(app.edition, Edition::E2024);
    let deps: Vec<_> = app
        .deps
        .iter()
        .map(|(n, d)| {
            format!(
                "{n}={}{}",
                d.package,
                if d.krate.is_some() { "!" } else { "" }
            )
        })
        .collect();
    assert_eq!(
        deps,
        ["core_lib=the_core!", "lib_c=lib_c", "renamed=parking_lot"]
    );
    let build: Vec<_> = ws
        .krate("build_script", CrateKind::BuildScript)
        .deps
        .keys()
        .cloned()
        .collect();
    assert_eq!(build, ["cc"]);
}

#[test]
fn loose_files_form_crates() {
    let ws = build(
        &[
            ("main.rs", "mod a;"),
            ("a.rs", "mod b;"),
            ("a/b.rs", ""),
            ("z.rs", "mod y;"),
            ("y.rs", ""),
            ("ring1.rs", "mod ring2;"),
            ("ring2.rs", "mod ring1;"),
            ("self.rs", "#[path = \"self.rs\"] mod me;"),
            ("tests/alone.rs", ""),
        ],
        &[],
    );
    assert_eq!(
        ws.places(),
        [
            "a.rs: Loose main E2021",
            "a/b.rs: Loose main E2021",
            "main.rs: Loose main E2021",
            "ring1.rs: Loose ring1 E2021",
            "ring2.rs: Loose ring1 E2021",
            "self.rs: Loose self E2021",
            "tests/alone.rs: Loose alone E2021 test",
            "y.rs: Loose z E2021",
            "z.rs: Loose z E2021",
        ]
    );
}

#[test]
fn manifests_above_the_directory_given() {
    let ws = build(
        &[("lib.rs", "mod a;"), ("a.rs", "")],
        &[
            ("..", "[package]\nname = 'p'\nedition.workspace = true"),
            ("../..", "[workspace]\npackage.edition = '2024'"),
        ],
    );
    assert_eq!(ws.places(), ["a.rs: Lib p E2024", "lib.rs: Lib p E2024"]);
}

#[test]
fn a_bad_manifest_is_a_problem_and_no_more() {
    let ws = build(
        &[("src/lib.rs", "")],
        &[
            ("", "[package]\nname = 'p'\nedition = \n"),
            ("x", "[package]\nname = 1"),
        ],
    );
    assert_eq!(ws.problems.len(), 1);
    assert_eq!(
        (ws.problems[0].path.as_str(), ws.problems[0].line),
        ("Cargo.toml", 3)
    );
    assert_eq!(ws.places(), ["src/lib.rs: Loose lib E2021"]);
}

#[test]
fn nothing_is_fine() {
    let ws = build(&[], &[]);
    assert!(ws.files.is_empty() && ws.crates.is_empty());
}
