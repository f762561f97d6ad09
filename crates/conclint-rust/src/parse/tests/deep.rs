//! Deep nesting: no stack overflow, and all that follows is still read.

use super::super::parse_file;

const DEEP: usize = 10_000;

/// Wraps `inside` in many pairs.
fn nest(open: &str, inside: &str, close: &str) -> String {
    format!("{}{inside}{}", open.repeat(DEEP), close.repeat(DEEP))
}

fn nest_by(levels: usize, open: &str, close: &str) -> String {
    format!("{}{}", open.repeat(levels), close.repeat(levels))
}

/// Reads a function with this body, twice, with a sound function behind it.
#[track_caller]
fn survives(body: &str) {
    let text = format!("fn deep() {{ {body} }}\nfn sound() {{ m.lock(); }}");
    let file = parse_file(&text);
    let names: Vec<&str> = file.items.iter().map(|item| item.name.as_str()).collect();
    assert!(
        names.contains(&"sound"),
        "{names:?}, {:?}",
        file.unread.first()
    );
    assert!(
        file.unread
            .iter()
            .any(|part| part.why == "nested too deeply"),
        "{:?}",
        file.unread.first()
    );
    // The result can be walked and dropped on an ordinary thread.
    assert!(format!("{:?}", file.items).contains("sound"));
}

/// Depth counts what nests: a file of many tests is read like any other.
#[test]
fn side_by_side() {
    let depth = |text: &str| super::super::scan::scan(text, |_| {}).depth;
    let test = "    #[test]\n    fn works(a: u8) -> u8 { f(a) + 1 }\n";
    let arm = "#[cfg(unix)] A => {}\n";
    let module = |n| format!("mod tests {{\n{}}}\n", test.repeat(n));
    let arms = |n| format!("fn f() {{ match a {{ {} }} }}\n", arm.repeat(n));
    assert_eq!(depth(&module(2)), depth(&module(1_000)));
    assert_eq!(depth(&arms(2)), depth(&arms(1_000)));
}

#[test]
fn brackets() {
    survives(&nest("(", "x", ")"));
    survives(&nest("[", "x", "]"));
    survives(&nest("{", "x", "}"));
    survives(&nest("f(", "x", ")"));
    survives(&nest("S { a: ", "x", "}"));
    survives(&nest("unsafe {", "x", "}"));
    survives(&nest("'a: {", "x", "}"));
}

#[test]
fn control_flow() {
    survives(&format!("{} {{}}", "if a {} else ".repeat(DEEP)));
    survives(&nest("if a {", "x", "}"));
    survives(&nest("loop {", "x", "}"));
    survives(&nest("match a { _ => ", "x", "}"));
    survives(&nest("for a in b {", "x", "}"));
    survives(&nest("fn f() {", "x", "}"));
}

#[test]
fn prefixes() {
    for prefix in [
        "!", "-", "*", "&", "&mut ", "||", "|a, b|", "move || ", "return ", "break ", "x = ", ".. ",
    ] {
        survives(&format!("{}x", prefix.repeat(DEEP)));
    }
}

#[test]
fn chains() {
    for suffix in [
        ".f()", ".f", "()", "[0]", "?", " as u8", ".await", " + x", " && x", " || x",
    ] {
        survives(&format!("x{}", suffix.repeat(DEEP)));
    }
    survives(&format!("if {} true {{}}", "let A = b && ".repeat(DEEP)));
}

#[test]
fn types_and_patterns() {
    survives(&format!("let x: {} = 1;", nest("Vec<", "u8", ">")));
    survives(&format!("let x: {} = 1;", nest("Map<A, ", "u8", ">")));
    survives(&format!("let x: {} = 1;", nest("(", "u8", ")")));
    survives(&format!("let x: {}u8 = 1;", "&".repeat(DEEP)));
    survives(&format!("let x: {}u8 = 1;", "fn() -> ".repeat(DEEP)));
    survives(&format!("f::<{}>()", nest("Vec<", "u8", ">")));
    survives(&format!("let {} = 1;", nest("(", "x", ")")));
    survives(&format!("let {} = 1;", nest("A(", "x", ")")));
    survives(&format!("let {}x = 1;", "&".repeat(DEEP)));
    survives(&format!("let {}x = 1;", "x @ ".repeat(DEEP)));
}

#[test]
fn macros() {
    survives(&nest("m!(", "x", ")"));
    survives(&nest("m!{", "x", "}"));
    survives(&nest("println!(\"\", ", "x", ")"));
}

#[test]
fn modules_and_use_trees() {
    let text = format!("{} fn sound() {{}}", nest("mod a {", "fn b() {}", "}"));
    assert!(
        parse_file(&text)
            .items
            .iter()
            .any(|item| item.name == "sound")
    );
    let text = format!("use {}; fn sound() {{}}", nest("a::{", "b", "}"));
    assert!(
        parse_file(&text)
            .items
            .iter()
            .any(|item| item.name == "sound")
    );
    let text = format!("use {}a; fn sound() {{}}", "a::".repeat(DEEP));
    assert!(
        parse_file(&text)
            .items
            .iter()
            .any(|item| item.name == "sound")
    );
}

#[test]
fn what_is_deep_and_wrong() {
    let text = format!("{} fn sound() {{}}", nest("mod a {", "fn b() { = }", "}"));
    let file = parse_file(&text);
    assert!(file.items.iter().any(|item| item.name == "sound"));
    assert!(!file.unread.is_empty());
    let text = format!("fn a() {{ {} = = }} fn sound() {{}}", nest("{", "x", "}"));
    assert!(
        parse_file(&text)
            .items
            .iter()
            .any(|item| item.name == "sound")
    );
}

#[test]
fn beyond_all_measure() {
    let wide = "a();\n".repeat(4 << 20);
    for body in [nest_by(400_000, "(", ")"), wide] {
        let file = parse_file(&format!("\nfn a() {{ {body} }}\nfn sound() {{}}"));
        assert_eq!(file.unread.len(), 1);
        assert_eq!(
            (file.unread[0].what.as_str(), file.unread[0].span.line),
            ("item", 2)
        );
        assert_eq!(
            (file.items[0].name.as_str(), file.items[0].span.line),
            ("sound", file.lines)
        );
    }
    // Never closed, too.
    for open in ["(", "{", "<", "/*", "\"", "'"] {
        assert_eq!(parse_file(&open.repeat(3_000_000)).items.len(), 0);
    }
}

#[test]
fn long_chains_of_real_code_are_read_whole() {
    for suffix in [".f(x)", " + x", "?", " || x"] {
        let file = parse_file(&format!("fn a() {{ x{} }}", suffix.repeat(400)));
        assert!(
            file.unread.is_empty(),
            "{suffix}: {:?}",
            file.unread.first()
        );
    }
    let many = "if x == 1 { return a.b(c, d(e)); }\n".repeat(5_000);
    assert!(
        parse_file(&format!("fn a() {{ {many} }}"))
            .unread
            .is_empty()
    );
}
