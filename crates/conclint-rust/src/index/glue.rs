//! Drop glue: whose `Drop` runs when a value ends that has no other owner.
//!
//! Its own, those of its fields, and those of what it contains. What an `Arc`
//! holds ends with the last one, which nobody sees here, so it is left out, and
//! so is what a type parameter stands for.

use rustc_hash::FxHashSet;

use super::{Index, Ty, TypeId, last_segment};

/// Fields of fields that are looked into.
const MAX_DEPTH: u32 = 4;

impl Index {
    /// The types whose `Drop` runs with a value of `ty`, outermost first, each
    /// once. (Reference: "Destructors".)
    pub fn drop_glue(&self, ty: &Ty) -> Vec<TypeId> {
        match ty {
            Ty::Adt(id, args) if args.is_empty() => {
                let Some(def) = self.types.get(id.index()) else {
                    return Vec::new();
                };
                def.glue.get_or_init(|| self.glue_of(ty)).to_vec()
            }
            _ => self.glue_of(ty),
        }
    }

    fn glue_of(&self, ty: &Ty) -> Vec<TypeId> {
        let mut found = Vec::new();
        self.add_glue(ty, MAX_DEPTH, &mut FxHashSet::default(), &mut found);
        found
    }

    fn add_glue(&self, ty: &Ty, depth: u32, seen: &mut FxHashSet<TypeId>, found: &mut Vec<TypeId>) {
        match ty {
            Ty::Adt(id, _) => {
                if !seen.insert(*id) {
                    return;
                }
                if self.drop_fn(*id).is_some() {
                    found.push(*id);
                }
                if depth > 0 {
                    for field in self.field_types(*id) {
                        self.add_glue(&field, depth - 1, seen, found);
                    }
                }
            }
            Ty::Ext(path, args) if owns(last_segment(path)) => {
                for arg in args.iter() {
                    self.add_glue(arg, depth, seen, found);
                }
            }
            Ty::Tuple(parts) => {
                for part in parts.iter() {
                    self.add_glue(part, depth, seen, found);
                }
            }
            Ty::Slice(item) => self.add_glue(item, depth, seen, found),
            _ => {}
        }
    }
}

/// Types of other crates that drop what they hold.
fn owns(name: &str) -> bool {
    matches!(
        name,
        "Option"
            | "Result"
            | "Box"
            | "Pin"
            | "Vec"
            | "VecDeque"
            | "LinkedList"
            | "BinaryHeap"
            | "HashMap"
            | "BTreeMap"
            | "IndexMap"
            | "FxHashMap"
            | "AHashMap"
            | "HashSet"
            | "BTreeSet"
            | "SmallVec"
            | "ArrayVec"
            | "Slab"
            | "LruCache"
            | "Cell"
            | "RefCell"
            | "OnceCell"
            | "OnceLock"
            | "Mutex"
            | "RwLock"
            | "DashMap"
    )
}
