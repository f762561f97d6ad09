//! Types of variables that are bound without saying of what they are, and told
//! by what is put in later: `let mut all = Vec::new(); all.push(item);`.

use conclint_facts::LocalId;

use super::body::Lower;
use super::types;
use super::value::Val;
use crate::index::{Ty, Tys, last_segment};

impl Lower<'_> {
    /// A method of a collection puts in what `vals` are.
    pub fn learn_items(&mut self, cur: &Val, name: &str, vals: &[Val]) {
        let Some(id) = cur.local else { return };
        let given = match (name, vals) {
            ("push" | "push_back" | "push_front" | "insert", [item]) => {
                Tys::from([item.ty.clone()])
            }
            ("insert", [key, value]) => Tys::from([key.ty.clone(), value.ty.clone()]),
            ("extend", [items]) => {
                let item = types::element(self.index(), &items.ty);
                Tys::from([item])
            }
            _ => return,
        };
        let Ty::Ext(path, _) = &cur.ty else { return };
        let given = match (last_segment(path), &given[..]) {
            // By position, not by key.
            (name, [_, item]) if name.starts_with("Vec") => Tys::from([item.clone()]),
            (name, [_]) if name.ends_with("Map") => return,
            _ => given,
        };
        self.learn(id, &Ty::Ext(path.clone(), given));
    }

    /// The variable is a `told`, if what is known of it so far leaves that open.
    pub fn learn(&mut self, id: LocalId, told: &Ty) {
        let Ty::Ext(path, args) = told else { return };
        let tells = |ty: &Ty| !matches!(ty, Ty::Unknown | Ty::Never | Ty::Fn(..));
        let says_enough = args.iter().any(tells);
        if !says_enough || args.iter().any(|arg| self.guard_ty(arg).is_some()) {
            return;
        }
        if let Some(info) = self.locals.get_mut(id.0 as usize)
            && info.val.guards.is_empty()
            && matches!(&info.val.ty, Ty::Ext(of, known)
                if of == path && known.iter().all(|ty| *ty == Ty::Unknown))
        {
            info.val.ty = told.clone();
        }
    }
}
