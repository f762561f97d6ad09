//! Locks that the program itself defines: what tells them, how their methods
//! take them. A kernel has no other locks.
//!
//! Told by names and types alone: the type is called a lock, and the method
//! takes nothing but `&self` and gives back a guard of the program's own. What
//! such a method does inside is not asked. A type around one lock of a library is
//! that lock, whatever it is called, if its method waits for it.

use conclint_facts::{Blocking, LockShape, LockTraits, Mode};

use crate::hir::{Expr, ExprKind};
use crate::index::{FnEntry, Index, Ty, TypeId, last_segment};
use crate::table::{LockTable, Op};

use super::types;

/// What a type of the workspace is by its name, if it is a lock.
pub(super) fn shape(type_name: &str) -> Option<LockShape> {
    let name = type_name.to_ascii_lowercase();
    let ends = |with: &[&str]| with.iter().any(|end| name.ends_with(end));
    if ends(&["rwlock", "rwsem", "rwmutex", "rwspinlock"]) {
        Some(LockShape::RwLock)
    } else if ends(&["mutex", "lock"]) && !ends(&["block", "clock"]) {
        Some(LockShape::Mutex)
    } else {
        None
    }
}

/// A lock of the program's own, or a pointer to one.
pub(super) fn is_lock(index: &Index, ty: &Ty) -> bool {
    match types::peel_wrappers(index, ty) {
        Ty::Adt(id, _) => shape(index.type_name(id)).is_some(),
        _ => false,
    }
}

const SHAPES: [LockShape; 2] = [LockShape::Mutex, LockShape::RwLock];

/// In the name of a method that waits for nobody.
const TRIES: [&str; 4] = ["noblock", "nonblock", "nowait", "no_wait"];

/// How a method of such a lock takes it, by its name: as locks of libraries do,
/// or with more words (`lock_irqsave`, `write_interruptible`, `try_lock_bh`).
pub(super) fn op(table: &LockTable, shape: LockShape, method: &str) -> Option<Op> {
    table.op(shape, method).or_else(|| {
        let verb = method.strip_prefix("try_");
        let tries = verb.is_some() || TRIES.iter().any(|word| method.contains(word));
        let verb = verb.unwrap_or(method);
        let mode = match (shape, verb.split('_').next()?) {
            (LockShape::Mutex, "lock") => Mode::Exclusive,
            (LockShape::RwLock, "read") => Mode::Read,
            (LockShape::RwLock, "write") => Mode::Exclusive,
            (LockShape::RwLock, "upread" | "upgradable" | "upgradeable") => Mode::Upgradable,
            _ => return None,
        };
        Some(Op {
            mode,
            blocking: if tries {
                Blocking::Try
            } else {
                Blocking::Waits
            },
            sync_on_async: false,
        })
    })
}

/// `lock(&mut node)`: what waits is put into a queue by a node of its own, as in
/// the locks of Mellor-Crummey and Scott (ACM TOCS 9(1), 1991).
pub(super) fn queues(method: &str, args: &[Expr]) -> bool {
    let is_node = |arg: &Expr| matches!(&arg.kind, ExprKind::Ref { mutable: true, expr } if matches!(expr.kind, ExprKind::Path(_)));
    method == "lock" && matches!(args, [node] if is_node(node))
}

/// A method without arguments that is called as those are that take a lock.
pub(super) fn may_take(table: &LockTable, entry: &FnEntry) -> bool {
    entry.def.has_self
        && entry.def.params.len() == 1
        && SHAPES
            .iter()
            .any(|shape| op(table, *shape, &entry.def.name).is_some())
}

/// The guard type of the workspace's own that such a function gives back.
pub(super) fn guard(index: &Index, holders: &[bool], ret: &Ty) -> Option<TypeId> {
    let Ty::Adt(guard, _) = types::peel_wrappers(index, ret) else {
        return None;
    };
    let is_own =
        index.type_name(guard).ends_with("Guard") && !holders.get(guard.index()).copied()?;
    is_own.then_some(guard)
}

/// A lock that the program defines.
#[derive(Debug, Clone)]
pub(super) struct OwnLock {
    pub shape: LockShape,
    /// Its guards are awaited.
    pub is_async: bool,
    /// It is this lock of a library, in a field.
    pub wraps: Option<LockTraits>,
}

/// Of a type of the program around one lock of a library, of whatever data, which
/// lock: `struct Shared<T> { inner: sync::Mutex<T> }`. It is that lock, and the field
/// that it stands in says which one.
pub(super) fn wrapped(index: &Index, table: &LockTable, lock: TypeId) -> Option<LockTraits> {
    let fields = index.field_types(lock);
    let mut locks = fields
        .iter()
        .filter_map(|ty| match types::peel_wrappers(index, ty) {
            Ty::Ext(path, args) => Some((table.get(&path)?.traits, args)),
            _ => None,
        });
    let (traits, args) = locks.next()?;
    let of_whatever = matches!(args.last(), Some(Ty::Param(_) | Ty::Unknown));
    (of_whatever && locks.next().is_none()).then_some(traits)
}

/// What the method of such a wrapper gives: the guard of the library, or a type
/// of the program's own around that.
pub(super) fn wrapped_guard(index: &Index, holders: &[bool], ret: &Ty) -> Option<Option<TypeId>> {
    let mut ret = ret.clone();
    while types::is_option_or_result(&ret) {
        ret = types::arg(&ret, 0);
    }
    match ret {
        Ty::Ext(path, _) => types::is_guard_name(last_segment(&path)).then_some(None),
        Ty::Adt(guard, _) => {
            let holds = holders.get(guard.index()).copied().unwrap_or(false);
            (holds && index.type_name(guard).ends_with("Guard")).then_some(Some(guard))
        }
        _ => None,
    }
}

/// The body waits for a lock of `self`, by that name or another: it does not only
/// try, and give up in the end. Who waits for a time, and gives a guard in any case
/// (or a panic), waits: `try_lock_for(limit)`, to say who keeps it so long.
pub(super) fn waits(table: &LockTable, entry: &FnEntry, ret: &Ty) -> bool {
    let in_any_case = !types::is_option_or_result(ret);
    let mut waits = false;
    if let Some(body) = &entry.def.body {
        body.each_expr(&mut |expr| {
            if let ExprKind::MethodCall { receiver, name, .. } = &expr.kind {
                let taking = SHAPES.iter().find_map(|shape| table.op(*shape, name));
                waits |= taking.is_some_and(|op| match op.blocking {
                    Blocking::Waits => true,
                    Blocking::Timed => in_any_case,
                    _ => false,
                }) && is_of_self(receiver);
            }
        });
    }
    waits
}

/// `self.inner`, `self.0.as_ref()`.
fn is_of_self(mut expr: &Expr) -> bool {
    loop {
        expr = match &expr.kind {
            ExprKind::Field { base, .. } => base,
            ExprKind::MethodCall { receiver, .. } => receiver,
            ExprKind::Path(path) => return path.as_name().is_some_and(|name| name == "self"),
            _ => return false,
        };
    }
}
