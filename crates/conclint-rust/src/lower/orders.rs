//! Lock orders that people wrote into comments, with the classes they mean.
//!
//! A name that several locks could have means none of them: no order is
//! guessed.

use conclint_facts::{
    Class, ClassId, ClassScope, DeclaredOrder, FileId, ObjectKind, Program, Site,
};

use crate::hir::CommentKind;
use crate::index::Index;
use crate::workspace::Workspace;

/// Lock orders written in comments, with the names resolved where one class fits.
pub(super) fn orders(ws: &Workspace, index: &Index, program: &Program) -> Vec<DeclaredOrder> {
    let mut all = Vec::new();
    for (i, file) in ws.files.iter().enumerate() {
        for comment in &file.hir.comments {
            let names = match &comment.kind {
                CommentKind::LockOrder(names) => names.clone(),
                CommentKind::DeclarationOrder => {
                    match declared_fields(index, program, i as u32, comment.line) {
                        Some(names) => names,
                        None => continue,
                    }
                }
                CommentKind::Detached(_) => continue,
            };
            let line = comment.line;
            let site = Site {
                file: FileId(i as u32),
                line,
                column: 1,
                end_line: line,
                end_column: 1,
            };
            let classes = names
                .iter()
                .map(|name| class_named(program, name, site.file))
                .collect();
            all.push(DeclaredOrder {
                site,
                names,
                classes,
            });
        }
    }
    all
}

/// The lock fields, in order, of the struct that encloses or follows a line.
fn declared_fields(index: &Index, program: &Program, file: u32, line: u32) -> Option<Vec<String>> {
    let owner = index.struct_at(file, line)?;
    let prefix = format!("{}.", index.type_key(owner));
    let mut fields: Vec<&Class> = program
        .classes
        .iter()
        .filter(|class| class.scope == ClassScope::Field && class.key.starts_with(&prefix))
        .filter(|class| matches!(class.kind, ObjectKind::Lock(_)))
        .filter(|class| class.site.is_some_and(|site| site.line > line))
        .collect();
    fields.sort_by_key(|class| class.site.map(|site| (site.line, site.column)));
    (fields.len() >= 2).then(|| fields.iter().map(|class| class.name.clone()).collect())
}

/// The one class a written name can mean: exactly, else by its last part,
/// those of the same file first.
fn class_named(program: &Program, name: &str, file: FileId) -> Option<ClassId> {
    let name = name.trim_start_matches("self.");
    let is_lock = |class: &Class| matches!(class.kind, ObjectKind::Lock(_));
    let fits = |class: &Class| {
        is_lock(class)
            && (class.name == name
                || class.name.rsplit('.').next() == Some(name) && !name.contains('.'))
    };
    let all: Vec<usize> = (0..program.classes.len())
        .filter(|&i| fits(&program.classes[i]))
        .collect();
    let near: Vec<usize> = all
        .iter()
        .copied()
        .filter(|&i| {
            program.classes[i]
                .site
                .is_some_and(|site| site.file == file)
        })
        .collect();
    match (&near[..], &all[..]) {
        (&[one], _) | (&[], &[one]) => Some(ClassId(one as u32)),
        _ => None,
    }
}
