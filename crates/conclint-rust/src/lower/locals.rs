//! Variables: what they are bound to, and where they are used.

use conclint_facts::{EventKind, Flag, LocalId, Look, Origins};
use smol_str::SmolStr;

use super::body::Lower;
use super::unshared::stays_with_its_thread;
use super::value::{ClassBase, ClassKey, LocalInfo, Val, local_place};
use crate::hir;
use crate::index::Ty;

impl Lower<'_> {
    pub fn declare(&mut self, name: SmolStr, mut val: Val) -> LocalId {
        let id = LocalId(self.locals.len() as u32);
        if val.place.is_none() {
            val.place = Some(local_place(id));
            if val.class.is_none() {
                val.class = Some(ClassKey::new(ClassBase::Local(id)));
            }
        }
        if let Some(place) = &mut val.place {
            place.bind_elements(id);
        }
        val.local = Some(id);
        self.any_drops |= val.channel != 0;
        let flag = val.flag.take();
        val.number = None;
        self.locals.push(LocalInfo {
            name: name.clone(),
            val,
            level: self.out.level,
            handles_used: false,
            moved: false,
            flag,
            identity: None,
            key: None,
            function: None,
            mutable: false,
            made: false,
            chosen: false,
            round: None,
            look: Look::Value,
        });
        self.env.push((name, id));
        let stmt = self.out.stmt.index();
        self.out.stmts[stmt].defs.push(id);
        id
    }

    /// The variable that `pat` just bound as a whole owns its value: a `Drop`
    /// of its own runs at the scope's end. What a pattern takes apart, or a
    /// loop hands out, may be borrowed; nothing is claimed of that.
    pub fn bound_whole(&mut self, pat: &hir::Pat) {
        self.dropped_in(pat, self.block_scope());
    }

    /// As for a variable, but a parameter outlives even the temporaries of the
    /// body's last expression (Reference, "Scopes of function parameters").
    pub fn bound_param(&mut self, pat: &hir::Pat) {
        self.dropped_in(pat, self.block_scope().saturating_sub(1));
    }

    fn dropped_in(&mut self, pat: &hir::Pat, scope: usize) {
        let hir::Pat::Bind {
            name,
            by_ref: false,
            ..
        } = pat
        else {
            return;
        };
        let Some(id) = self.lookup(name) else { return };
        if let Some(info) = self.locals.get(id.0 as usize)
            && info.val.borrows.is_none()
            && self.has_drop(&info.val.ty)
            && let Some(scope) = self.out.scopes.get_mut(scope)
        {
            scope.drops.push((id, scope.guards.len()));
            self.any_drops = true;
        }
    }

    /// With a value of this type of the program's own, a `Drop` of the program
    /// runs. (An `Option` may be empty when its variable ends.)
    pub fn has_drop(&self, ty: &Ty) -> bool {
        matches!(ty, Ty::Adt(..)) && !self.index().drop_glue(ty).is_empty()
    }

    /// With the variable's value, a `Drop` of the program runs.
    pub fn is_dropped(&self, id: LocalId) -> bool {
        let info = self.locals.get(id.0 as usize);
        info.is_some_and(|info| self.has_drop(&info.val.ty))
    }

    pub fn lookup(&self, name: &str) -> Option<LocalId> {
        self.env
            .iter()
            .rev()
            .find(|(n, _)| n == name)
            .map(|&(_, id)| id)
    }

    /// Reads a variable: its value as this function sees it.
    pub fn local_val(&mut self, id: LocalId, span: hir::Span) -> Val {
        let level = self.out.level;
        let Some(info) = self.locals.get(id.0 as usize) else {
            return Val::unknown();
        };
        let mut val = info.val.clone();
        let owner = info.level;
        let same_level = owner == level;
        let noted = !val.guards.is_empty() || val.borrows.is_some() || val.channel != 0;
        if !same_level && (noted || self.any_drops && self.has_drop(&val.ty)) {
            self.captures.push((id, true));
        }
        if !same_level {
            if stays_with_its_thread(self.index(), &val.ty) {
                self.out.stays = Some(self.out.stays.map_or(owner, |known| known.min(owner)));
            }
            if !val.handles.is_empty()
                && let Some(info) = self.locals.get_mut(id.0 as usize)
            {
                info.handles_used = true;
            }
            val.guards.clear();
            val.borrows = None;
            val.exclusive = false;
            val.handles.clear();
            val.from = Origins::NONE;
        }
        val.local = Some(id);
        let flag = self.locals.get(id.0 as usize).and_then(|info| info.flag);
        val.flag = flag.filter(|flag| same_level || matches!(flag, Flag::Written(_)));
        let stmt = self.out.stmt.index();
        let uses = &mut self.out.stmts[stmt].uses;
        if !uses.contains(&id) {
            uses.push(id);
        }
        if let Some(guard) = val.borrows {
            self.emit(
                EventKind::Use {
                    guard,
                    write: false,
                },
                span,
            );
        }
        val
    }
}
