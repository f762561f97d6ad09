//! Drop glue: whose `Drop` runs when a value ends that has no other owner.
//!
//! Its own, those of its fields, and those of what it contains. What an `Arc`
//! holds ends with the last one, which nobody sees here, so it is left out, and
//! so is what a type parameter stands for.

use rustc_hash::FxHashSet;

use super::{Index, Ty, TypeId, TypeKind, last_segment};

/// Fields of fields that are looked into.
const MAX_DEPTH: u32 = 4;

impl Index {
    /// The types whose `Drop` runs with a value of `ty`, outermost first, each
    /// once, and whether it surely does: an `Option`, a collection or another
    /// variant may hold none. (Reference: "Destructors".)
    pub fn drop_glue(&self, ty: &Ty) -> Vec<(TypeId, bool)> {
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

    fn glue_of(&self, ty: &Ty) -> Vec<(TypeId, bool)> {
        let mut found = Vec::new();
        let mut seen = FxHashSet::default();
        self.add_glue(ty, (MAX_DEPTH, true), &mut seen, &mut found);
        found
    }

    fn add_glue(
        &self,
        ty: &Ty,
        (depth, surely): (u32, bool),
        seen: &mut FxHashSet<TypeId>,
        found: &mut Vec<(TypeId, bool)>,
    ) {
        match ty {
            Ty::Adt(id, _) => {
                if !seen.insert(*id) {
                    return;
                }
                if self.drop_fn(*id).is_some() {
                    found.push((*id, surely));
                }
                if depth > 0 {
                    let surely = surely && self.type_def(*id).kind == TypeKind::Struct;
                    for field in self.field_types(*id) {
                        self.add_glue(&field, (depth - 1, surely), seen, found);
                    }
                }
            }
            Ty::Ext(path, args) if owns(last_segment(path)) => {
                let surely = surely && always_holds(last_segment(path));
                for arg in args.iter() {
                    self.add_glue(arg, (depth, surely), seen, found);
                }
            }
            Ty::Tuple(parts) => {
                for part in parts.iter() {
                    self.add_glue(part, (depth, surely), seen, found);
                }
            }
            Ty::Slice(item) => self.add_glue(item, (depth, surely), seen, found),
            _ => {}
        }
    }
}

/// Those of them that are never empty.
fn always_holds(name: &str) -> bool {
    matches!(
        name,
        "Box" | "Pin" | "Cell" | "RefCell" | "Mutex" | "RwLock"
    )
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
