//! One named function: its parameters and what their types promise, its body,
//! and what of that is kept.

use conclint_facts::{Block, Bound, FnKind, Function, Param, Place, Root};
use smol_str::SmolStr;

use super::body::{Lower, Out};
use super::fresh::results;
use super::looks::may_be_written;
use super::types::{self, GuardTy};
use super::value::{ClassBase, ClassKey, LocalInfo, Val};
use crate::hir;
use crate::index::{FnEntry, FnIdx, Ty, TypeId, last_segment};
use crate::table;

impl Lower<'_> {
    /// Writes the body, if there is one and it is built.
    pub(super) fn function(&mut self, id: FnIdx, entry: &FnEntry) {
        let body = entry.def.body.as_ref().filter(|_| entry.is_built);
        let Some(body) = body else { return };
        let index = self.index();
        self.id = Some(id);
        let mut vals = Vec::new();
        for (i, param) in entry.def.params.iter().enumerate() {
            let ty = index.fn_param_ty(id, i);
            let name = match &param.pat {
                hir::Pat::Bind { name, .. } => name.clone(),
                _ => SmolStr::new_static("_"),
            };
            let callable = matches!(types::peel(index, &ty), Ty::Fn(..))
                || matches!(types::peel(index, &ty), Ty::Param(_) | Ty::Bounded(..))
                    && self.is_fn_bound(&types::peel(index, &ty));
            self.base.behind.extend(self.lies_behind(&ty));
            let token = vals
                .first()
                .is_some_and(|own| entry.def.has_self && self.is_token(own, &ty));
            self.base.params.push(Param {
                name,
                class: None,
                callable,
                token,
                of: match types::peel(index, &ty) {
                    Ty::Adt(id, _) => Some(id.0),
                    _ => None,
                },
            });
            if table::is_of_ui_thread(&types::peel(index, &ty)) {
                self.base.bound = Bound::Ui;
            }
            vals.push(ty);
        }
        self.base
            .behind
            .extend(self.made_behind(index.fn_declared_ret(id)));
        let mut params = Vec::new();
        for (i, ty) in vals.into_iter().enumerate() {
            let mut val = Val::of(ty);
            let number = u16::try_from(i).unwrap_or(u16::MAX);
            val.place = Some(Place {
                root: Root::Param(number),
                path: Vec::new(),
            });
            val.exclusive = matches!(val.ty, Ty::Ref(true, _) | Ty::Adt(..));
            if entry.def.params.get(i).is_some_and(|p| p.ty.is_array()) {
                self.arrays.push(number);
            }
            val.from = self.param_origin(number);
            self.given_end(&mut val, number);
            if let Some(kind) = self.given_kind(&val.ty) {
                let key = ClassKey::new(ClassBase::Param(number));
                val.class = Some(key.clone());
                let class = self.class_id(key, &kind, &val.ty);
                self.base.params[i].class = Some(class);
            }
            params.push(val);
        }
        let def = entry.def.clone();
        self.run_body(body.span, |lower| {
            for (number, (param, mut val)) in (0_u16..).zip(def.params.iter().zip(params)) {
                if let Some(GuardTy::Guard(_)) = lower.guard_ty(&val.ty) {
                    val.guards = vec![lower.given_guard(number, body.span)];
                }
                lower.bind(&param.pat, val);
                lower.keeps_param(&param.pat, number);
                lower.bound_param(&param.pat);
            }
            let results = results(body);
            let written = results.iter().filter(|result| may_be_written(result));
            lower.results = written.map(|result| result.span).collect();
            lower.base.look = lower.look_of_results(&results);
            let val = lower.block(body, None);
            lower.closed_channels(body.span);
            val
        });
    }

    /// Of `&mut T`, the guarded type that every `T` is a part of. Of `&T`, where
    /// that is guarded as a whole by locks of one thread each.
    fn lies_behind(&self, ty: &Ty) -> Option<u32> {
        let Ty::Ref(write, inner) = ty else {
            return None;
        };
        let Ty::Adt(id, _) = &**inner else {
            return None;
        };
        let guarded = (*self.shared.behind.get(id.index())?)?;
        // A copy can be used without the lock.
        let alone = guarded.alone && guarded.whole == *id && !self.index().is_clone(*id);
        (*write || alone).then_some(guarded.whole.0)
    }

    /// Whoever makes an object that is guarded as a whole has it alone.
    fn made_behind(&self, ret: &Ty) -> Option<u32> {
        let mut made = ret;
        while types::is_option_or_result(made)
            && let Ty::Ext(_, args) = made
        {
            made = args.first()?;
        }
        match made {
            Ty::Adt(id, _) => self
                .guarded_whole(*id)
                .filter(|_| !self.index().is_clone(*id)),
            _ => None,
        }
    }

    /// The type itself, where every object of it is guarded as a whole.
    fn guarded_whole(&self, id: TypeId) -> Option<u32> {
        let guarded = (*self.shared.behind.get(id.index())?)?;
        (guarded.whole == id).then_some(id.0)
    }

    /// Of a lock around such a type, that type.
    pub(super) fn whole_in(&self, lock: &Ty) -> Option<u32> {
        match types::peel_wrappers(self.index(), lock) {
            Ty::Ext(path, args) if self.shared.table.get(&path).is_some() => match args.last()? {
                Ty::Adt(id, _) => self.guarded_whole(*id),
                _ => None,
            },
            _ => None,
        }
    }

    /// `&mut T`, where a field of the type `own` is a lock around a `T`.
    fn is_token(&self, own: &Ty, ty: &Ty) -> bool {
        let index = self.index();
        let (Ty::Ref(true, data), Ty::Adt(owner, _)) = (ty, types::peel(index, own)) else {
            return false;
        };
        let Ty::Adt(data, _) = &**data else {
            return false;
        };
        index.field_types(owner).iter().any(|field| {
            let Ty::Ext(path, args) = types::peel_wrappers(index, field) else {
                return false;
            };
            matches!(args.last(), Some(Ty::Adt(guarded, _)) if guarded == data)
                && self.shared.table.get(&path).is_some()
        })
    }

    fn is_fn_bound(&self, ty: &Ty) -> bool {
        let is_fn = |bound: &crate::index::Bound| {
            matches!(&bound.trait_, crate::index::TraitRef::Ext(path)
                if matches!(last_segment(path), "Fn" | "FnMut" | "FnOnce"))
        };
        match ty {
            Ty::Param(name) => self.index().bounds(&self.scope, name).iter().any(is_fn),
            Ty::Bounded(_, bounds) => bounds.iter().any(is_fn),
            _ => false,
        }
    }

    /// Moves what was written into the function's facts.
    pub(super) fn fill(&self, function: &mut Function, mut out: Out) {
        let level = out.level;
        empty_unreached(&mut out.blocks);
        function.guards = out.guards;
        function.blocks = out.blocks;
        function.stmts = out.stmts;
        function.compares_order = out.compares_order;
        function.parts = out.parts;
        function.made = out.made;
        function.makes = out.makes;
        function.chooses = out.chooses;
        function.counts = out.counts;
        function.called = out.called;
        function.cuts_off = out.cuts_off;
        function.acts = out.acts;
        function.origins = out.origins;
        function.returns = out.returns;
        function.answers = out.answers;
        if function.kind != FnKind::Closure && function.kind != FnKind::SpawnBody {
            function.params = self.base.params.clone();
        }
        if function.guards.is_empty() {
            // Statements and variables only matter inside critical sections.
            for block in &mut function.blocks {
                for event in &mut block.events {
                    event.stmt = conclint_facts::StmtId(0);
                }
            }
            // Which lock comes first may be chosen here, and both taken in a callee.
            function.locals = self.told_locals(level, |info| info.chosen);
            // That it loops matters to whoever calls it under a lock.
            let a_loop = function
                .stmts
                .iter()
                .skip(1)
                .find(|stmt| stmt.kind == conclint_facts::StmtKind::Loop)
                .cloned();
            function.stmts.truncate(1);
            function
                .stmts
                .extend(a_loop.map(|stmt| conclint_facts::Stmt {
                    parent: Some(conclint_facts::StmtId(0)),
                    defs: Vec::new(),
                    uses: Vec::new(),
                    ..stmt
                }));
            if function.blocks.iter().all(|block| block.events.is_empty()) {
                function.blocks.clear();
                function.blocks.push(Block::default());
            }
            return;
        }
        function.locals = self.told_locals(level, |_| true);
    }

    /// What the facts say of those variables that are `wanted`.
    fn told_locals(
        &self,
        level: u32,
        wanted: impl Fn(&LocalInfo) -> bool,
    ) -> Vec<conclint_facts::Local> {
        let local = |(i, info): (usize, &LocalInfo)| conclint_facts::Local {
            id: conclint_facts::LocalId(i as u32),
            name: info.name.clone(),
            borrows: info.val.borrows.filter(|_| info.level == level),
            owned: types::owns(self.shared.index, &info.val.ty),
            made: info.made,
            chosen: info.chosen,
        };
        let all = self.locals.iter().enumerate();
        all.filter(|(_, info)| wanted(info)).map(local).collect()
    }
}

/// Takes out what happens where no way leads: nobody who calls the function
/// comes to it. Blocks keep their numbers, and where they lead to.
fn empty_unreached(blocks: &mut [Block]) {
    let mut reached = vec![false; blocks.len()];
    let mut work = vec![0];
    while let Some(block) = work.pop() {
        if let Some(seen) = reached.get_mut(block)
            && !std::mem::replace(seen, true)
            && let Some(block) = blocks.get(block)
        {
            work.extend(block.successors.iter().map(|next| next.index()));
        }
    }
    for (block, reached) in blocks.iter_mut().zip(reached) {
        if !reached {
            block.events.clear();
        }
    }
}
