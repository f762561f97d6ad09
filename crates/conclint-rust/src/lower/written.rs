//! Which variant a value is, where that is written out at a call, and which a
//! parameter must be for what a condition decides about.

use conclint_facts::{Choice, Flag, Variants, When};

use super::body::Lower;
use super::variants::is_any;
use crate::hir::{self, Arm, BinOp, Expr, ExprKind, Lit, Pat, Span, UnOp};
use crate::index::{Ty, ValueRes, last_segment};

/// What a pattern takes.
enum Taken {
    /// Everything.
    All,
    /// Some values of these variants, and all of those.
    Some(Variants, Option<Variants>),
    /// Not known.
    Unknown,
}

impl Lower<'_> {
    /// `true`, `Event::Found(id)`, `None`: what the value is.
    pub fn written(&self, expr: &Expr) -> Option<Variants> {
        let (choice, position) = match &expr.kind {
            ExprKind::Lit(Lit::Bool(value)) => return Some(Variants::flag(*value)),
            ExprKind::Path(path) | ExprKind::Struct { path, .. } => self.variant_at(path)?,
            ExprKind::Call { callee, .. } => match &callee.kind {
                ExprKind::Path(path) => self.variant_at(path)?,
                _ => return None,
            },
            _ => return None,
        };
        Variants::one(choice, position)
    }

    fn variant_at(&self, path: &hir::Path) -> Option<(Choice, u32)> {
        if path
            .as_name()
            .is_some_and(|name| self.lookup(name).is_some())
        {
            return None;
        }
        match self.index().resolve_value(&self.scope, path) {
            ValueRes::Ctor { ty, variant } => Some((Choice::Enum(ty.0), variant?)),
            ValueRes::Ext(path) => match last_segment(&path) {
                "None" => Some((Choice::Option, 0)),
                "Some" => Some((Choice::Option, 1)),
                "Ok" => Some((Choice::Result, 0)),
                "Err" => Some((Choice::Result, 1)),
                _ => None,
            },
            _ => None,
        }
    }

    fn all_of(&self, choice: Choice) -> Option<Variants> {
        let count = match choice {
            Choice::Bool | Choice::Option | Choice::Result => 2,
            Choice::Enum(id) => {
                let def = self.index().type_def(crate::index::TypeId(id));
                u32::try_from(def.variants.len()).ok()?
            }
        };
        Variants::first(choice, count)
    }

    /// The parameter that `expr` looks at, which is the same all the time.
    fn kept_param(&self, expr: &Expr) -> Option<u16> {
        match &expr.kind {
            ExprKind::Path(path) if self.out.level == 0 => {
                let local = self.lookup(path.as_name()?)?;
                match self.locals.get(local.0 as usize)?.flag? {
                    Flag::Param(number) => Some(number),
                    Flag::Written(_) => None,
                }
            }
            ExprKind::Ref { expr, .. }
            | ExprKind::Unary {
                op: UnOp::Deref,
                expr,
            } => self.kept_param(expr),
            ExprKind::MethodCall {
                receiver,
                name,
                args,
                ..
            } if args.is_empty() => match name.as_str() {
                "as_ref" | "as_mut" | "as_deref" | "as_deref_mut" | "clone" => {
                    self.kept_param(receiver)
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// What `cond` being `truth` says of the variant of a parameter.
    pub fn asked(&self, cond: &Expr, truth: bool) -> Option<When> {
        let (asked, values) = match &cond.kind {
            ExprKind::Let { pat, expr } => return self.asked_of(pat, expr, truth),
            // `matches!(event, Event::Lost(_))`.
            ExprKind::Match { scrutinee, arms } => match &arms[..] {
                [hit, miss] if is_bool(&hit.body, true) && is_bool(&miss.body, false) => {
                    let values = self.chosen(&hit.pat, hit.guard.is_some(), truth);
                    (scrutinee, values?)
                }
                _ => return None,
            },
            ExprKind::Binary {
                op: op @ (BinOp::Eq | BinOp::Ne),
                left,
                right,
            } => {
                let (asked, value) = match self.written(right) {
                    Some(_) => (left, right),
                    None => (right, left),
                };
                let one = self.written(value)?;
                if truth == (*op == BinOp::Eq) {
                    (asked, one)
                } else if matches!(value.kind, ExprKind::Path(_)) {
                    (asked, self.all_of(one.of())?.without(one))
                } else {
                    return None;
                }
            }
            ExprKind::MethodCall { receiver, name, .. } => {
                let (choice, position, of) = match name.as_str() {
                    "is_none" => (Choice::Option, 0, truth),
                    "is_some" => (Choice::Option, 1, truth),
                    "is_ok" => (Choice::Result, 0, truth),
                    "is_err" => (Choice::Result, 1, truth),
                    "is_some_and" if truth => (Choice::Option, 1, true),
                    "is_ok_and" if truth => (Choice::Result, 0, true),
                    "is_err_and" if truth => (Choice::Result, 1, true),
                    _ => return None,
                };
                let position = if of { position } else { 1 - position };
                (receiver, Variants::one(choice, position)?)
            }
            _ => return None,
        };
        self.one_of(self.kept_param(asked)?, values)
    }

    /// What `let pat = expr` says where it is taken, or where it is not.
    pub fn asked_of(&self, pat: &Pat, expr: &Expr, taken: bool) -> Option<When> {
        self.one_of(self.kept_param(expr)?, self.chosen(pat, false, taken)?)
    }

    /// The arms of `match event { .. }`.
    pub fn note_variant_arms(&mut self, scrutinee: &Expr, arms: &[Arm]) {
        // What a macro wrote has one place for all arms.
        let apart = |pair: &[Arm]| end(pair[0].body.span) <= start(pair[1].body.span);
        let Some(param) = self.kept_param(scrutinee) else {
            return;
        };
        if !arms.windows(2).all(apart) {
            return;
        }
        for (arm, values) in arms.iter().zip(self.arms(arms)) {
            let from = arm.guard.as_ref().unwrap_or(&arm.body).span;
            let when = values.and_then(|values| self.one_of(param, values));
            self.add_parts(when.into_iter().collect(), start(from), end(arm.body.span));
        }
    }

    /// What follows on `match event { Event::Lost(id) => id, _ => return }`.
    pub fn rest_of_match(&self, scrutinee: &Expr, arms: &[Arm]) -> Option<When> {
        let param = self.kept_param(scrutinee)?;
        let mut rest: Option<Variants> = None;
        for (arm, values) in arms.iter().zip(self.arms(arms)) {
            if !super::parts::leaves(&arm.body) {
                rest = match rest {
                    Some(rest) => Some(rest.or(values?)?),
                    None => Some(values?),
                };
            }
        }
        self.one_of(param, rest?)
    }

    /// The closures of `map.unwrap_or_else(|| ..)`: run for `None` only.
    pub fn note_closures(&mut self, receiver: &Expr, name: &str, args: &[Expr]) {
        let Some(param) = self.kept_param(receiver) else {
            return;
        };
        let (choice, success) = match self.choice_of(receiver) {
            Some(Choice::Option) => (Choice::Option, 1),
            Some(Choice::Result) => (Choice::Result, 0),
            _ => return,
        };
        let runs_for: &[u32] = match name {
            "unwrap_or_else" | "or_else" | "ok_or_else" | "map_err" => &[1 - success],
            "map" | "and_then" | "is_some_and" | "is_ok_and" | "inspect" | "filter" => &[success],
            "map_or_else" => &[1 - success, success],
            _ => return,
        };
        for (arg, position) in args.iter().zip(runs_for) {
            let values = Variants::one(choice, *position);
            let when = values.and_then(|values| self.one_of(param, values));
            if matches!(arg.kind, ExprKind::Closure(_)) {
                self.add_parts(when.into_iter().collect(), start(arg.span), end(arg.span));
            }
        }
    }

    /// Whether `receiver`, of which [`Self::kept_param`] knows, is one of these.
    fn choice_of(&self, receiver: &Expr) -> Option<Choice> {
        let ExprKind::Path(path) = &receiver.kind else {
            return None;
        };
        let local = self.lookup(path.as_name()?)?;
        match &self.locals.get(local.0 as usize)?.val.ty {
            Ty::Ext(path, _) if path == "std::option::Option" => Some(Choice::Option),
            Ty::Ext(path, _) if path == "std::result::Result" => Some(Choice::Result),
            _ => None,
        }
    }

    /// The variable that `pat` just bound is the parameter `number`, for good.
    pub fn keeps_param(&mut self, pat: &Pat, number: u16) {
        let kept = matches!(
            pat,
            Pat::Bind {
                mutable: false,
                by_ref: false,
                sub: None,
                ..
            }
        );
        if let Some(info) = self.locals.last_mut()
            && kept
            && matches!(pat, Pat::Bind { name, .. } if *name == info.name)
            && !matches!(info.val.ty, Ty::Ref(true, _))
        {
            info.flag = Some(Flag::Param(number));
        }
    }

    fn one_of(&self, param: u16, values: Variants) -> Option<When> {
        let all = self.all_of(values.of())?;
        (!all.is_within(values)).then_some(When::Flag { param, values })
    }

    /// The variants for which the pattern is taken, or for which it is not.
    fn chosen(&self, pat: &Pat, guarded: bool, taken: bool) -> Option<Variants> {
        let Taken::Some(some, whole) = self.taken(pat) else {
            return None;
        };
        if taken {
            return Some(some);
        }
        let whole = whole.filter(|_| !guarded)?;
        Some(self.all_of(whole.of())?.without(whole))
    }

    /// The variants for which each of the arms may be taken.
    fn arms(&self, arms: &[Arm]) -> Vec<Option<Variants>> {
        let mut left: Option<Variants> = None;
        let mut found = Vec::new();
        for arm in arms {
            let taken = self.taken(&arm.pat);
            found.push(match &taken {
                Taken::All => left,
                Taken::Some(some, whole) => {
                    let before = left.or_else(|| self.all_of(some.of()));
                    left = match (whole, &arm.guard) {
                        (Some(whole), None) => before.map(|before| before.without(*whole)),
                        _ => before,
                    };
                    before.map(|before| before.and(*some))
                }
                Taken::Unknown => None,
            });
        }
        found
    }

    fn taken(&self, pat: &Pat) -> Taken {
        let (path, whole) = match pat {
            Pat::Wild | Pat::Rest => return Taken::All,
            Pat::Ref(inner) | Pat::Typed(inner, _) => return self.taken(inner),
            Pat::Bind { sub: Some(sub), .. } => return self.taken(sub),
            Pat::Bind { name, .. } => {
                let path = hir::Path {
                    segments: [hir::Segment::plain(name.clone())].into(),
                    ..hir::Path::default()
                };
                return match self.index().resolve_value(&self.scope, &path) {
                    ValueRes::Ctor { .. } | ValueRes::Ext(_) => self.taken_by(&path, true),
                    ValueRes::Const(_) | ValueRes::Static(_) => Taken::Unknown,
                    _ => Taken::All,
                };
            }
            Pat::Path(path) => (path, true),
            Pat::TupleStruct { path, pats } => (path, pats.iter().all(|pat| is_any(&pat))),
            Pat::Struct { path, fields } => (path, fields.iter().all(|(_, pat)| is_any(&pat))),
            Pat::Or(pats) => return self.taken_by_any(pats),
            Pat::Tuple(_) | Pat::Slice(_) | Pat::Lit => return Taken::Unknown,
        };
        self.taken_by(path, whole)
    }

    fn taken_by(&self, path: &hir::Path, whole: bool) -> Taken {
        let one = self
            .variant_at(path)
            .and_then(|(choice, position)| Variants::one(choice, position));
        match one {
            Some(one) => Taken::Some(one, whole.then_some(one)),
            None => Taken::Unknown,
        }
    }

    fn taken_by_any(&self, pats: &[Pat]) -> Taken {
        let mut all: Option<(Variants, Option<Variants>)> = None;
        for pat in pats {
            let (some, whole) = match self.taken(pat) {
                Taken::All => return Taken::All,
                Taken::Unknown => return Taken::Unknown,
                Taken::Some(some, whole) => (some, whole),
            };
            let Some((before, known)) = all else {
                all = Some((some, whole));
                continue;
            };
            let Some(either) = before.or(some) else {
                return Taken::Unknown;
            };
            let known = match (known, whole) {
                (Some(known), Some(whole)) => known.or(whole),
                (known, whole) => known.or(whole),
            };
            all = Some((either, known));
        }
        all.map_or(Taken::Unknown, |(some, whole)| Taken::Some(some, whole))
    }
}

/// What the method gives is the variant that it is called on.
pub(super) fn keeps_variant(method: &str) -> bool {
    matches!(method, "as_ref" | "as_mut" | "clone" | "to_owned")
}

fn is_bool(expr: &Expr, value: bool) -> bool {
    matches!(&expr.kind, ExprKind::Lit(Lit::Bool(found)) if *found == value)
}

fn start(span: Span) -> (u32, u32) {
    (span.line, span.column)
}

fn end(span: Span) -> (u32, u32) {
    (span.end_line, span.end_column)
}
