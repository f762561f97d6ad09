//! Calls that nobody writes: what operators, indices and placeholders of format
//! strings run, where a type of the workspace says itself what they mean.
//!
//! Only what the type itself implements counts; nothing is dereferenced on the
//! way that the operator does not look through. Derived implementations are not
//! read.

use smol_str::SmolStr;

use super::body::Lower;
use super::data::MAX_DEREFS;
use super::method::MethodCall;
use super::value::Val;
use crate::hir::{BinOp, Expr, ExprKind, Lit, Operator, Span, UnOp};
use crate::index::Ty;

impl Operator {
    /// The trait and its method, and those that assign.
    fn names(self) -> [&'static str; 4] {
        match self {
            Operator::Add => ["Add", "add", "AddAssign", "add_assign"],
            Operator::Sub => ["Sub", "sub", "SubAssign", "sub_assign"],
            Operator::Mul => ["Mul", "mul", "MulAssign", "mul_assign"],
            Operator::Div => ["Div", "div", "DivAssign", "div_assign"],
            Operator::Rem => ["Rem", "rem", "RemAssign", "rem_assign"],
            Operator::BitXor => ["BitXor", "bitxor", "BitXorAssign", "bitxor_assign"],
            Operator::BitAnd => ["BitAnd", "bitand", "BitAndAssign", "bitand_assign"],
            Operator::BitOr => ["BitOr", "bitor", "BitOrAssign", "bitor_assign"],
            Operator::Shl => ["Shl", "shl", "ShlAssign", "shl_assign"],
            Operator::Shr => ["Shr", "shr", "ShrAssign", "shr_assign"],
        }
    }
}

impl Lower<'_> {
    /// `left == right`, `left < right`, `left + right`: what the method gives. Where
    /// it is one, `right` is evaluated.
    pub fn operator(&mut self, left: &Val, op: BinOp, right: &Expr, span: Span) -> Option<Val> {
        let (trait_name, method) = match op {
            BinOp::Eq | BinOp::Ne => ("PartialEq", "eq"),
            BinOp::Order { .. } => ("PartialOrd", "partial_cmp"),
            BinOp::Arith(op) => {
                let [trait_name, method, ..] = op.names();
                (trait_name, method)
            }
            BinOp::And | BinOp::Or => return None,
        };
        self.unwritten(left, trait_name, method, std::slice::from_ref(right), span)
    }

    /// `place += value`, once both are evaluated.
    pub fn assigning_operator(&mut self, place: &Val, op: Operator, span: Span) {
        let [.., trait_name, method] = op.names();
        self.unwritten(place, trait_name, method, &[], span);
    }

    /// `!val`, `-val`.
    pub fn prefix_operator(&mut self, val: &Val, op: UnOp, span: Span) -> Option<Val> {
        let (trait_name, method) = match op {
            UnOp::Not => ("Not", "not"),
            UnOp::Neg => ("Neg", "neg"),
            UnOp::Deref => return None,
        };
        self.unwritten(val, trait_name, method, &[], span)
    }

    /// `val[..]`, once the index is evaluated: the type of the element.
    pub fn index_operator(&mut self, val: &Val, span: Span) -> Option<Ty> {
        let of = self.pointee(val)?;
        let element = self.unwritten(&of, "Index", "index", &[], span)?;
        Some(self.deref(element).ty)
    }

    /// What the placeholders of a format string run, its arguments being evaluated.
    pub fn formatted(&mut self, args: &[Expr], vals: &[Val], span: Span) {
        let texts = args.iter().enumerate();
        let Some((at, text)) = texts
            .filter_map(|(at, arg)| Some((at, template(arg)?)))
            .next()
        else {
            return;
        };
        let here = |arg: &Expr| args.get(at).is_some_and(|text| text.span == arg.span);
        // Variables that the text names itself come last, in its order.
        let names = args
            .iter()
            .rposition(|arg| !here(arg))
            .map_or(at + 1, |last| (last + 1).max(at + 1));
        let (mut next, mut named) = (at + 1, names);
        for (which, debug) in placeholders(text) {
            let arg = match which {
                Which::Next => {
                    next += 1;
                    next - 1
                }
                Which::At(number) => at + 1 + number,
                Which::Named => {
                    named += 1;
                    named - 1
                }
            };
            let positional = matches!(which, Which::Named) || arg < names;
            let Some(val) = vals.get(arg).filter(|_| positional) else {
                continue;
            };
            let val = val.clone();
            self.shown(&val, debug, span);
        }
    }

    /// `val.to_string()`, or `val` in a placeholder. Whether the type says how.
    pub fn shown(&mut self, val: &Val, debug: bool, span: Span) -> bool {
        let trait_name = if debug { "Debug" } else { "Display" };
        let of = self.pointee(val);
        of.is_some_and(|of| self.unwritten(&of, trait_name, "fmt", &[], span).is_some())
    }

    /// What references, boxes and guards point to, where it is a type of the
    /// workspace.
    fn pointee(&self, val: &Val) -> Option<Val> {
        let mut of = val.clone();
        for _ in 0..MAX_DEREFS {
            match &of.ty {
                Ty::Adt(..) => return Some(of),
                Ty::Unknown => return None,
                _ => of = self.step(&of)?,
            }
        }
        None
    }

    /// The call of a trait's method, where the type behind references has one.
    fn unwritten(
        &mut self,
        val: &Val,
        trait_name: &str,
        method: &'static str,
        args: &[Expr],
        span: Span,
    ) -> Option<Val> {
        let mut of = val.clone();
        while matches!(of.ty, Ty::Ref(..)) {
            of = self.step(&of)?;
        }
        if !matches!(of.ty, Ty::Adt(..)) {
            return None;
        }
        let res = self.index().method_of_trait(&of.ty, trait_name, method)?;
        let call = MethodCall {
            name: &SmolStr::new_static(method),
            generics: &[],
            args,
            span,
            name_span: span,
            outer: None,
            awaited: false,
            thrown: false,
        };
        Some(self.resolved_method(of, &res, &call))
    }
}

fn template(arg: &Expr) -> Option<&str> {
    match &arg.kind {
        ExprKind::Lit(Lit::Str(text)) => Some(text),
        _ => None,
    }
}

/// What a placeholder shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    /// `{}`.
    Next,
    /// `{0}`.
    At(usize),
    /// `{name}`.
    Named,
}

/// The placeholders of a format string, and whether each is `{:?}`.
/// (std::fmt, "Syntax".)
fn placeholders(text: &str) -> Vec<(Which, bool)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        rest = rest.get(open + 1..).unwrap_or_default();
        if let Some(after) = rest.strip_prefix('{') {
            rest = after;
            continue;
        }
        let Some(close) = rest.find('}') else { break };
        let inside = rest.get(..close).unwrap_or_default();
        rest = rest.get(close + 1..).unwrap_or_default();
        let (name, how) = inside.split_once(':').unwrap_or((inside, ""));
        let name = name.trim();
        let which = match name.parse::<usize>() {
            _ if name.is_empty() => Which::Next,
            Ok(number) => Which::At(number),
            Err(_) => Which::Named,
        };
        found.push((which, how.trim_end().ends_with('?')));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_of_a_format_string() {
        assert_eq!(
            placeholders("{{no}} {} {1:?} {name:>8} {:#?} {x:?}"),
            [
                (Which::Next, false),
                (Which::At(1), true),
                (Which::Named, false),
                (Which::Next, true),
                (Which::Named, true),
            ]
        );
        assert_eq!(placeholders("{"), []);
        assert_eq!(placeholders("}{"), []);
    }
}
