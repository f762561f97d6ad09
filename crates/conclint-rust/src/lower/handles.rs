//! What becomes of the handle of a thread: joined, stored, dropped at once, or
//! gone where this function does not look.
//!
//! Nothing is decided about threads whose handle left the function; what is
//! known of their joins is in `threads`.

use conclint_facts::{EventKind, Handle, ObjectKind, Spawn};
use smol_str::SmolStr;

use super::body::{Lower, Out};
use super::value::{ClassBase, ClassKey, SpawnId, Val};
use crate::index::Ty;

impl Lower<'_> {
    /// The handles of a variable move on into another value.
    pub fn rehome(&mut self, val: &Val) {
        if !val.handles.is_empty() {
            self.handles_used(val);
        }
    }

    /// Somebody does something with the handles of a variable.
    pub fn handles_used(&mut self, val: &Val) {
        if let Some(local) = val.local
            && let Some(info) = self.locals.get_mut(local.0 as usize)
        {
            info.handles_used = true;
        }
    }

    /// Handles that are pushed into a collection go with it.
    pub fn push_handles(&mut self, cur: &Val, vals: &[Val], name: &str) {
        let handles: Vec<SpawnId> = vals
            .iter()
            .flat_map(|val| val.handles.iter().copied())
            .collect();
        if !handles.is_empty() {
            for val in vals {
                self.handles_used(val);
            }
            let level = self.out.level;
            let own = cur.local.filter(|local| {
                self.locals
                    .get(local.0 as usize)
                    .is_some_and(|info| info.level == level)
            });
            match (own, &cur.class) {
                (Some(local), _) => self.locals[local.0 as usize].val.handles.extend(handles),
                (None, Some(class)) if matches!(class.base, ClassBase::Field(..)) => {
                    let class = self.class_id(class.clone(), &ObjectKind::Handle, &cur.ty);
                    for spawn in handles {
                        self.set_handle(spawn, Handle::Stored(class));
                    }
                }
                _ => {
                    for spawn in handles {
                        self.set_handle(spawn, Handle::Elsewhere);
                    }
                }
            }
        } else if !cur.handles.is_empty()
            && !matches!(
                name,
                "push"
                    | "push_back"
                    | "len"
                    | "is_empty"
                    | "thread"
                    | "id"
                    | "is_finished"
                    | "unwrap"
                    | "expect"
            )
        {
            self.handles_used(cur);
        }
    }

    /// Thread handles end up in a field.
    pub fn store_handles(&mut self, val: &Val, owner: &Ty, name: &SmolStr) {
        match self.index().field(owner, name) {
            Some(info) => {
                let key = ClassKey::new(ClassBase::Field(info.owner, name.clone()));
                let class = self.class_id(key, &ObjectKind::Handle, &info.ty);
                for &spawn in &val.handles {
                    self.set_handle(spawn, Handle::Stored(class));
                }
                self.handles_used(val);
            }
            None => self.lose_handles(val),
        }
    }

    /// A thread handle is dropped where it is made.
    pub fn drop_handles(&mut self, val: &Val) {
        for &spawn in &val.handles {
            if val.local.is_none() {
                self.set_handle(spawn, Handle::DroppedAtOnce);
            }
        }
    }

    /// The handles in `val` go where this function does not look.
    pub fn lose_handles(&mut self, val: &Val) {
        for &spawn in &val.handles {
            self.set_handle(spawn, Handle::Elsewhere);
            self.out.lost.insert(spawn);
        }
        self.handles_used(val);
    }

    /// Variables that still hold a handle nobody joined.
    pub fn settle_handles(&mut self) {
        let level = self.out.level;
        let mut verdicts: Vec<(SpawnId, SmolStr)> = Vec::new();
        for info in self
            .locals
            .iter()
            .filter(|info| info.level == level && !info.handles_used)
        {
            for &spawn in info
                .val
                .handles
                .iter()
                .filter(|spawn| !self.out.lost.contains(spawn))
            {
                verdicts.push((spawn, info.name.clone()));
            }
        }
        for (spawn, name) in verdicts {
            if let Some(spawn) = self.out.spawn_mut(spawn)
                && spawn.handle == Handle::Elsewhere
            {
                spawn.handle = Handle::NeverJoined(name);
            }
        }
    }

    pub fn set_handle(&mut self, spawn: SpawnId, to: Handle) {
        if let Some(spawn) = self.out.spawn_mut(spawn)
            && !matches!(spawn.handle, Handle::Excused | Handle::Joined)
        {
            spawn.handle = to;
        }
    }
}

impl Out {
    /// The start of a thread that was written before.
    pub fn spawn_mut(&mut self, spawn: SpawnId) -> Option<&mut Spawn> {
        let &(block, index) = self.spawns.get(spawn.0 as usize)?;
        match &mut self.blocks[block.index()].events.get_mut(index)?.kind {
            EventKind::Spawn(spawn) => Some(spawn),
            _ => None,
        }
    }
}
