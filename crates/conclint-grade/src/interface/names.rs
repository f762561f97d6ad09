//! What types are called from outside of the crate that the starter's root file names.
//!
//! Only modules of the root and what is imported from them: what lies deeper, or in a private module
//! that nothing makes public, has no name here.

use std::collections::BTreeMap;

use syn::visit_mut::{self, VisitMut};
use syn::{Item, UseTree};

use super::is_public;

/// The names that the starter's root file has for types of its modules, and what they are from
/// outside of the crate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// `::pool`.
    root: String,
    /// Modules, and whether they are public.
    modules: BTreeMap<String, bool>,
    /// Imported names: the path from outside, where there is one.
    imported: BTreeMap<String, Option<String>>,
    /// Something was met that has no name outside.
    hidden: bool,
}

impl Names {
    pub(super) fn of(crate_name: &str, items: &[Item]) -> Self {
        let mut names = Names {
            root: format!("::{crate_name}"),
            ..Names::default()
        };
        for item in items {
            if let Item::Mod(item) = item {
                let name = item.ident.to_string();
                names.modules.insert(name, is_public(&item.vis));
            }
        }
        for item in items {
            if let Item::Use(item) = item {
                names.import(is_public(&item.vis), &mut Vec::new(), &item.tree);
            }
        }
        names
    }

    /// Imports that lead into the starter's own modules.
    fn import(&mut self, public: bool, path: &mut Vec<String>, tree: &UseTree) {
        let (name, alias) = match tree {
            UseTree::Path(next) => {
                path.push(next.ident.to_string());
                self.import(public, path, &next.tree);
                path.pop();
                return;
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(public, path, tree);
                }
                return;
            }
            UseTree::Name(name) => (name.ident.to_string(), name.ident.to_string()),
            UseTree::Rename(rename) => (rename.ident.to_string(), rename.rename.to_string()),
            UseTree::Glob(_) => return,
        };
        let inside = match path.split_first() {
            Some((first, rest)) if matches!(first.as_str(), "crate" | "self") => rest,
            _ => path,
        };
        let own = inside
            .first()
            .is_some_and(|first| self.modules.contains_key(first));
        if own {
            let outside = match public {
                true => Some(format!("{}::{alias}", self.root)),
                false => self.path(&[inside, &[name]].concat()),
            };
            self.imported.insert(alias, outside);
        }
    }

    /// A path of the crate from outside: of an item in a public module. What lies deeper is not
    /// looked for.
    fn path(&self, inside: &[String]) -> Option<String> {
        let [module, _] = inside else {
            return None;
        };
        let public = self.modules.get(module).copied().unwrap_or_default();
        public.then(|| format!("{}::{}", self.root, inside.join("::")))
    }

    pub(super) fn imports(&self) -> Vec<(String, String)> {
        let known = self.imported.iter();
        known
            .filter_map(|(name, path)| Some((name.clone(), path.clone()?)))
            .collect()
    }

    /// Lets `visit` write paths as they are from outside; whether all of them have such a one.
    pub(super) fn outside(&mut self, visit: impl FnOnce(&mut Self)) -> bool {
        self.hidden = false;
        visit(self);
        !self.hidden
    }
}

impl VisitMut for Names {
    fn visit_type_path_mut(&mut self, ty: &mut syn::TypePath) {
        visit_mut::visit_type_path_mut(self, ty);
        let own = ty.path.leading_colon.is_none() && ty.qself.is_none();
        let names: Vec<String> = ty
            .path
            .segments
            .iter()
            .map(|s| s.ident.to_string())
            .collect();
        let [first, rest @ ..] = names.as_slice() else {
            return;
        };
        if !own {
            return;
        }
        if rest.is_empty() {
            self.hidden |= self.imported.get(first) == Some(&None);
            return;
        }
        let inside = match first.as_str() {
            "crate" | "self" => rest,
            module if self.modules.contains_key(module) => &names[..],
            _ => return,
        };
        let arguments = ty.path.segments.last().map(|last| last.arguments.clone());
        let outside = match inside {
            [name] => Some(format!("{}::{name}", self.root)),
            _ => self.path(inside),
        };
        match outside.and_then(|path| syn::parse_str::<syn::Path>(&path).ok()) {
            Some(mut path) => {
                if let (Some(last), Some(arguments)) = (path.segments.last_mut(), arguments) {
                    last.arguments = arguments;
                }
                ty.path = path;
            }
            None => self.hidden = true,
        }
    }
}
