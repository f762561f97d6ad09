//! Where a kind of mistake can stand in a file.

use syn::visit::{self, Visit};
use syn::{Block, ImplItemFn, Item, ItemFn, ItemImpl, Local, TraitItemFn};

use super::acquisition::{Guard, Text};
use super::{Kind, calls, orders};
use crate::lines::{attributes, is_test_code};

/// A mistake that can be put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seed {
    /// The line where it must be reported, from 1.
    pub line: usize,
    /// That line as it was, trimmed.
    pub text: String,
    /// What is written where, in bytes. Never a line break.
    pub insert: Vec<(usize, String)>,
}

impl Seed {
    /// A seed that is reported where the byte `at` is.
    pub(super) fn at(text: Text<'_>, at: usize, insert: Vec<(usize, String)>) -> Seed {
        Seed {
            line: text.number(at),
            text: text.whole_line(at).to_owned(),
            insert,
        }
    }
}

/// The text with its seeds.
pub(super) fn plant(text: &str, seeds: &[&Seed]) -> String {
    let mut inserts: Vec<&(usize, String)> = seeds.iter().flat_map(|s| &s.insert).collect();
    inserts.sort_by_key(|(at, _)| *at);
    let mut planted = String::with_capacity(text.len());
    let mut done = 0;
    for (at, with) in inserts {
        planted.push_str(text.get(done..*at).unwrap_or_default());
        planted.push_str(with);
        done = *at;
    }
    planted.push_str(text.get(done..).unwrap_or_default());
    planted
}

/// Every place of a kind, one a function at most, in the order of lines. `tag`
/// tells the file from the others of its checkout.
pub(super) fn seeds(kind: Kind, text: &str, tag: usize) -> Vec<Seed> {
    // Most files take no lock; and a shebang is not in the parser's text.
    let may = ["lock", "write"].iter().any(|word| text.contains(word));
    if !may || (text.starts_with("#!") && !text.starts_with("#![")) {
        return Vec::new();
    }
    let skipped = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let Ok(file) = syn::parse_file(text) else {
        return Vec::new();
    };
    let mut finder = Finder {
        kind,
        tag,
        text: Text { text, skipped },
        scope: Vec::new(),
        out: Vec::new(),
    };
    if !is_test_code(&file.attrs) {
        finder.items(&file.items);
    }
    let mut out = finder.out;
    drop(file);
    proc_macro2::extra::invalidate_current_thread_spans();
    out.sort_by_key(|seed| seed.line);
    out
}

struct Finder<'t, 'e> {
    kind: Kind,
    tag: usize,
    text: Text<'t>,
    /// The items beside the ones that are looked at, outermost module first.
    scope: Vec<&'e [Item]>,
    out: Vec<Seed>,
}

impl<'e> Finder<'_, 'e> {
    fn items(&mut self, items: &'e [Item]) {
        self.scope.push(items);
        for item in items {
            self.visit_item(item);
        }
        self.scope.pop();
    }

    fn function(&mut self, block: &'e Block) {
        let add = |guard: &Guard<'_>| match self.kind {
            Kind::Double => {
                let init = self.text.line(guard.init)?;
                let name = &guard.name;
                Some(format!(
                    " let _conclint_again = {init}; let _ = &_conclint_again; let _ = &{name};"
                ))
            }
            Kind::Sleep => Some(format!(
                " std::thread::sleep(std::time::Duration::from_secs(7)); let _ = &{};",
                guard.name
            )),
            _ => None,
        };
        let mut guards = Guards {
            text: self.text,
            found: Vec::new(),
        };
        guards.visit_block(block);
        let first = guards
            .found
            .iter()
            .find_map(|guard| Some((guard.end, add(guard)?)));
        if let Some((end, insert)) = first {
            let seed = Seed::at(self.text, end - 1, vec![(end, insert)]);
            self.out.push(seed);
        }
    }
}

impl<'e> Visit<'e> for Finder<'_, 'e> {
    fn visit_item(&mut self, item: &'e Item) {
        if is_test_code(attributes(item)) {
            return;
        }
        match item {
            Item::Mod(module) => {
                if let Some((_, items)) = &module.content {
                    self.items(items);
                }
            }
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_item_fn(&mut self, item: &'e ItemFn) {
        self.function(&item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'e ImplItemFn) {
        if !is_test_code(&item.attrs) {
            self.function(&item.block);
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_trait_item_fn(&mut self, item: &'e TraitItemFn) {
        if let Some(block) = item.default.as_ref().filter(|_| !is_test_code(&item.attrs)) {
            self.function(block);
            visit::visit_trait_item_fn(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'e ItemImpl) {
        let beside = self.scope.last().copied().unwrap_or_default();
        let first = self.out.len();
        let found = match self.kind {
            Kind::Call | Kind::Deep | Kind::Free => {
                calls::seeds(self.kind, item, beside, self.text, (self.tag, first))
            }
            Kind::Order => orders::seed(item, self.text).into_iter().collect(),
            Kind::Double | Kind::Sleep => Vec::new(),
        };
        self.out.extend(found);
        visit::visit_item_impl(self, item);
    }
}

/// The guards that a function binds; functions inside of it are left out.
struct Guards<'t, 'e> {
    text: Text<'t>,
    found: Vec<Guard<'e>>,
}

impl<'e> Visit<'e> for Guards<'_, 'e> {
    fn visit_item(&mut self, _: &'e Item) {}

    fn visit_local(&mut self, local: &'e Local) {
        self.found.extend(Guard::of(local, self.text));
        visit::visit_local(self, local);
    }
}
