//! Objects at an address that a constant says: `unsafe { &*(BASE as *const T) }`,
//! as kernels keep what each processor has of its own.

use conclint_facts::{Place, Root};
use smol_str::{SmolStr, format_smolstr};

use super::value::Val;
use crate::hir::{self, Expr, ExprKind};
use crate::index::{FnEntry, FnIdx, Index, Ty, ValueRes};

/// The object of a function that has no parameters and gives a reference made
/// of a constant: the same one each time, as a static is.
pub(super) fn object_at(index: &Index, f: FnIdx, entry: &FnEntry) -> Option<Val> {
    let body = entry.def.body.as_ref()?;
    if !entry.def.params.is_empty() || !body.stmts.is_empty() {
        return None;
    }
    let name = constant(index, entry, body.tail.as_deref()?)?;
    let ret = index.fn_ret(f, None, &[]);
    let Ty::Ref(_, target) = &ret else {
        return None;
    };
    let Ty::Adt(id, _) = &**target else {
        return None;
    };
    // Two objects at one address are told apart by what they are.
    let key = format_smolstr!("{name} as {}", index.type_key(*id));
    let mut val = Val::of(ret);
    val.place = Some(Place {
        root: Root::Static(key),
        path: Vec::new(),
    });
    Some(val)
}

/// The constant that a pointer is made of, where nothing else goes into it.
fn constant(index: &Index, entry: &FnEntry, expr: &Expr) -> Option<SmolStr> {
    let mut expr = expr;
    let mut through_pointer = false;
    loop {
        expr = match &expr.kind {
            ExprKind::Block(block) if block.stmts.is_empty() => block.tail.as_deref()?,
            ExprKind::Ref { expr, .. }
            | ExprKind::Unary {
                op: hir::UnOp::Deref,
                expr,
            } => expr,
            ExprKind::Cast { expr, ty } => {
                through_pointer |= matches!(ty, hir::Ty::Ptr(_));
                expr
            }
            ExprKind::MethodCall { receiver, name, .. } if converts(name) => {
                through_pointer |= matches!(name.as_str(), "as_ptr" | "as_mut_ptr");
                receiver
            }
            ExprKind::Path(path) => {
                let is_const =
                    matches!(index.resolve_value(&entry.scope, path), ValueRes::Const(_));
                return (is_const && through_pointer).then(|| SmolStr::new(path.last()));
            }
            _ => return None,
        };
    }
}

/// Methods of addresses and pointers that give the same in other terms.
fn converts(name: &str) -> bool {
    name.starts_with("as_") || matches!(name, "unwrap" | "unwrap_unchecked" | "expect" | "cast")
}
