//! Methods that run their closure before they return: those of `Option` and
//! `Result`, of iterators and collections, `with` and `get_or_init`.
//!
//! Goes by names and by the kind of value only. What the closure itself does is
//! read by `closure`.

use std::sync::Arc;

use conclint_facts::LocalId;

use super::body::Lower;
use super::method::MethodCall;
use super::std_result::in_skip_map;
use super::types;
use super::value::Val;
use crate::hir::{self, Expr, ExprKind, Span};
use crate::index::{Index, Ty};

/// Methods of iterators that keep their closure until the iterator is consumed.
const ADAPTORS: &[&str] = &[
    "filter",
    "filter_map",
    "flat_map",
    "inspect",
    "map",
    "map_while",
    "scan",
    "skip_while",
    "take_while",
];

impl Lower<'_> {
    /// `list.visit(|item| failed |= self.look(item));` of a type that is not known:
    /// what borrows from this function cannot be kept for longer than it runs, and
    /// nothing of the call is kept here. Not where another thread may run it
    /// meanwhile.
    pub fn runs_before_it_returns(&self, call: &MethodCall) -> bool {
        let later = [
            "spawn",
            "submit",
            "schedule",
            "defer",
            "queue",
            "register",
            "on_",
            "add",
            "push",
            "set",
            "connect",
            "subscribe",
            "send",
            "post",
            "insert",
            "job",
            "task",
            "run_later",
            "then",
        ];
        call.thrown
            && !call.awaited
            && !later.iter().any(|word| call.name.contains(word))
            && call.args.iter().all(|arg| match &arg.kind {
                ExprKind::Closure(closure) => self.borrows_from_here(closure),
                _ => true,
            })
    }

    /// The closure borrows what this function's variables are: it writes to one, or
    /// uses a `self` that is a reference.
    fn borrows_from_here(&self, closure: &hir::Closure) -> bool {
        let mut borrows = false;
        let outer = |path: &hir::Path| {
            let name = path.as_name()?;
            let own = closure.params.iter().any(|(pat, _)| pat.binds(name));
            self.lookup(name).filter(|_| !own)
        };
        closure.body.each_expr(&mut |expr| match &expr.kind {
            ExprKind::Assign { left, .. } | ExprKind::AssignOp { left, .. } => {
                if let ExprKind::Path(path) = &left.kind {
                    borrows |= outer(path).is_some();
                }
            }
            ExprKind::Path(path) if path.as_name().is_some_and(|name| name == "self") => {
                let reference = |id: LocalId| {
                    let info = self.locals.get(id.0 as usize);
                    info.is_some_and(|info| matches!(info.val.ty, Ty::Ref(..)))
                };
                borrows |= outer(path).is_some_and(reference);
            }
            _ => {}
        });
        borrows && !closure.is_move && !closure.is_async
    }

    /// A method of `Option`, `Result`, an iterator or a collection that runs
    /// its closure before it returns.
    pub fn combinator(&mut self, cur: &Val, many: bool, call: &MethodCall) -> Val {
        let name = call.name.as_str();
        let container = types::is_option_or_result(&cur.ty);
        // `value.map(f).unwrap_or(..)` runs `f` once, whatever `value` is.
        let of_option = call.outer.as_deref().is_some_and(is_of_option);
        let once = container || of_option;
        let many = many || (name == "map" && !once && !self.is_no_iterator(&cur.ty));
        // An iterator bound to a variable has not run yet.
        let in_rounds = many && !self.lazy.contains(&call.name_span);
        let param = self.given_to_closure(cur, name);
        let look = self.look_of_combinator(container, call);
        self.test(cur.from, look, call.site());
        let over = self.loop_over.clone();
        let per = self.per_of_iterator(cur);
        let around = std::mem::replace(&mut self.closure_per, per);
        let mut result = self
            .in_place_closures(call.args, &param, in_rounds)
            .unwrap_or_else(Val::unknown);
        self.closure_per = around;
        self.loop_over = over;
        let lazy = !container && ADAPTORS.contains(&name);
        let kept = match lazy {
            true => self.kept_by_closures(call.args),
            false => Vec::new(),
        };
        if !lazy {
            self.gone_with_closures(call.args);
        }
        if name.starts_with("with") {
            self.other(call.site());
        }
        self.swallowed_in_turn(name, call.args);
        if name == "map" && of_option && cur.ty == Ty::Unknown {
            let ty = types::option_of(result.ty.clone());
            result.local = None;
            return result.with_ty(ty);
        }
        let mut val = self.combined(cur, name, many, result);
        val.guards.extend(kept);
        val
    }

    /// What the method `name` of `cur` gives its closure.
    fn given_to_closure(&mut self, cur: &Val, name: &str) -> Val {
        let mut param = if types::is_option_or_result(&cur.ty) {
            let mut inner = cur.clone();
            inner.ty = match name {
                "map_err" | "or_else" | "unwrap_or_else" | "ok_or_else" => Ty::Unknown,
                _ => types::unwrap_ty(&cur.ty),
            };
            inner
        } else {
            match name {
                "get_or_init" | "or_insert_with" | "call_once" | "then" => Val::unknown(),
                "with" | "with_borrow" | "with_borrow_mut" | "and_modify" => cur.clone(),
                _ => self.item_of(cur),
            }
        };
        param.local = None;
        param.handles.clone_from(&cur.handles);
        param
    }

    /// What the method `name` of `cur` gives, where its closure gave `result`;
    /// one of many where it runs `many` times.
    fn combined(&mut self, cur: &Val, name: &str, many: bool, mut result: Val) -> Val {
        let index = self.index();
        let container = types::is_option_or_result(&cur.ty);
        let wrap = |ty: Ty| {
            if container {
                types::option_of(ty)
            } else if many {
                types::ext("conclint::Iter", vec![ty])
            } else {
                ty
            }
        };
        result.local = None;
        match name {
            "map" => {
                let ty = wrap(result.ty.clone());
                result.with_ty(ty)
            }
            "then" => {
                let ty = types::option_of(result.ty.clone());
                result.with_ty(ty)
            }
            "filter_map" | "flat_map" | "map_while" => {
                let inside = match name {
                    "flat_map" => types::element(index, &result.ty),
                    _ => types::unwrap_ty(&result.ty),
                };
                result.with_ty(wrap(inside))
            }
            "unwrap_or_else" | "get_or_init" | "or_insert_with" | "or_insert_with_key"
            | "get_or_insert_with" => {
                let mut val = match in_skip_map(&cur.ty, name) {
                    Some(entry) => cur.project("[]", entry),
                    None => cur.clone().with_ty(made_sure_of(index, name, &cur.ty)),
                };
                // What was put there stays there: this is a borrow of it.
                if name.contains("insert_with") && cur.borrows.is_some() {
                    val.ty = Ty::Ref(true, Arc::new(val.ty));
                }
                val.local = None;
                val.guards.extend(result.guards);
                val
            }
            "find" | "max_by_key" | "min_by_key" | "max_by" | "min_by" | "reduce" => {
                let item = self.item_of(cur);
                let ty = types::option_of(item.ty.clone());
                item.with_ty(ty)
            }
            "any" | "all" | "is_some_and" | "is_ok_and" | "is_none_or" => {
                Val::of(types::ext("bool", vec![]))
            }
            "and_then" | "with" | "with_borrow" | "with_borrow_mut" | "map_or" | "map_or_else"
            | "fold" | "find_map" | "try_fold" => result,
            "position" | "for_each" | "retain" | "try_for_each" | "partition" | "sort_by"
            | "sort_by_key" => Val::unknown(),
            _ => {
                let mut val = cur.clone();
                val.local = None;
                val
            }
        }
    }

    /// A type of the workspace that does not say it iterates: what `map` does
    /// to a future, a parser or a guard, it does once.
    fn is_no_iterator(&self, ty: &Ty) -> bool {
        let index = self.index();
        match types::peel(index, ty) {
            ty @ Ty::Adt(..) => !index.implements(&ty, "Iterator"),
            _ => false,
        }
    }
}

/// What is there after `unwrap_or_else` or `get_or_init` of a `ty`.
fn made_sure_of(index: &Index, name: &str, ty: &Ty) -> Ty {
    match name {
        "unwrap_or_else" => types::unwrap_ty(ty),
        "get_or_init" => match ty {
            Ty::Ext(path, args) if path.contains("Once") || path.contains("Lazy") => {
                args.first().cloned().unwrap_or(Ty::Unknown)
            }
            inside => inside.clone(),
        },
        _ => types::value_of(index, ty),
    }
}

/// The adaptors of an iterator that is not consumed where it is written, by
/// the places of their names.
pub(super) fn lazy_adaptors(init: &Expr) -> Vec<Span> {
    const WALKS: &[&str] = &[
        "cloned",
        "copied",
        "enumerate",
        "rev",
        "skip",
        "take",
        "zip",
    ];
    let mut lazy = Vec::new();
    let mut next = init;
    while let ExprKind::MethodCall {
        receiver,
        name,
        name_span,
        ..
    } = &next.kind
    {
        if ADAPTORS.contains(&name.as_str()) {
            lazy.push(*name_span);
        } else if !WALKS.contains(&name.as_str()) {
            break;
        }
        next = receiver;
    }
    lazy
}

/// Methods that `Option` and `Result` have, and iterators have not.
fn is_of_option(name: &str) -> bool {
    matches!(
        name,
        "err"
            | "expect"
            | "is_err"
            | "is_none"
            | "is_ok"
            | "is_some"
            | "is_some_and"
            | "map_err"
            | "ok"
            | "ok_or"
            | "ok_or_else"
            | "unwrap"
            | "unwrap_or"
            | "unwrap_or_default"
            | "unwrap_or_else"
    )
}
