//! Functions that are given by name where a closure could stand:
//! `entry.map(Ref::new)` is `entry.map(|it| Ref::new(it))`.

use std::sync::Arc;

use super::body::Lower;
use super::method::MethodCall;
use crate::hir::{self, Expr, ExprKind, Name, Pat, Path, Segment, Segments};
use crate::index::ValueRes;
use crate::table;

/// What the parameter of such a closure is called, which nobody can write.
const PARAM: &str = "#it";

impl Lower<'_> {
    /// The arguments of a call, those among them as closures that are functions
    /// of the program with at most one parameter; `None` where there are none.
    pub fn named_as_closures(&self, call: &MethodCall) -> Option<Vec<Expr>> {
        let is_path = |arg: &Expr| matches!(arg.kind, ExprKind::Path(_));
        // What makes an error of nothing leaves the guards of what there is alone.
        let of_failure = table::runs_on_failure(call.name);
        if of_failure || !call.args.iter().any(is_path) || table::runs_in_place(call.name).is_none()
        {
            return None;
        }
        // `fold(State::Idle, ..)`: a value.
        let takes_values = call.args.len() > 1;
        let closures: Vec<Option<Expr>> = call
            .args
            .iter()
            .map(|arg| self.eta(arg, takes_values))
            .collect();
        if closures.iter().all(Option::is_none) {
            return None;
        }
        let or_itself = |(arg, closure): (&Expr, Option<Expr>)| closure.unwrap_or(arg.clone());
        Some(call.args.iter().zip(closures).map(or_itself).collect())
    }

    /// `as_values`: constructors are values, not functions.
    fn eta(&self, arg: &Expr, as_values: bool) -> Option<Expr> {
        let ExprKind::Path(path) = &arg.kind else {
            return None;
        };
        let is_local = |name: &Name| self.lookup(name).is_some();
        if path.as_name().is_some_and(is_local) {
            return None;
        }
        let param = match self.index().resolve_value(&self.scope, path) {
            ValueRes::Fns(res) => {
                let functions = self.index().functions();
                let first = functions.get(res.fns.first()?.index())?;
                match first.def.params.len() {
                    0 => None,
                    1 => Some(Name::new_static(PARAM)),
                    _ => return None,
                }
            }
            ValueRes::Ctor { .. } if !as_values => Some(Name::new_static(PARAM)),
            _ => return None,
        };
        let span = arg.span;
        let of = |kind| Expr { span, kind };
        let named = |name: &Name| {
            let segments: Segments = std::iter::once(Segment::plain(name.clone())).collect();
            of(ExprKind::Path(Path {
                segments,
                ..Path::default()
            }))
        };
        let bound = |name: Name| Pat::Bind {
            name,
            by_ref: false,
            mutable: false,
            sub: None,
            span,
        };
        let call = ExprKind::Call {
            callee: Box::new(arg.clone()),
            args: param.iter().map(named).collect(),
        };
        Some(of(ExprKind::Closure(Arc::new(hir::Closure {
            is_move: false,
            is_async: false,
            params: param.into_iter().map(|name| (bound(name), None)).collect(),
            body: of(call),
        }))))
    }
}
