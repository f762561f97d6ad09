//! Macro calls whose arguments were parsed.

use conclint_facts::{EventKind, WorkKind};
use smol_str::SmolStr;

use super::body::Lower;
use super::data::MAX_DEREFS;
use super::method::MethodCall;
use super::scopes::ScopeKind;
use super::types;
use super::value::Val;
use crate::hir::{self, MacroKind, Span};
use crate::index::Ty;
use crate::table::GuardWrap;

impl Lower<'_> {
    pub fn macro_call(&mut self, call: &hir::MacroCall, span: Span) -> Val {
        let name = call.path.last();
        let work = |kind| EventKind::Work {
            kind,
            what: SmolStr::new(format!("{name}!")),
        };
        match call.kind {
            MacroKind::Format | MacroKind::Print | MacroKind::Log | MacroKind::Panic => {
                self.push(ScopeKind::Temp);
                let vals: Vec<Val> = call.args.iter().map(|arg| self.base(arg)).collect();
                self.formatted(&call.args, &vals, span);
                let kind = if call.kind == MacroKind::Format {
                    WorkKind::Format
                } else {
                    WorkKind::Print
                };
                if call.kind != MacroKind::Panic {
                    self.emit(work(kind), span);
                }
                self.pop(None, span);
                if call.kind == MacroKind::Panic {
                    return self.dead_end(span);
                }
                if call.kind == MacroKind::Format {
                    return Val::of(types::ext("std::string::String", vec![]));
                }
                Val::of(Ty::unit())
            }
            MacroKind::Write => {
                let vals: Vec<Val> = call.args.iter().map(|arg| self.base(arg)).collect();
                self.formatted(&call.args, &vals, span);
                self.emit(work(WorkKind::Format), span);
                Val::of(types::result_of(Ty::unit()))
            }
            MacroKind::Vec => {
                let vals: Vec<Val> = call.args.iter().map(|arg| self.expr(arg)).collect();
                self.emit(work(WorkKind::Alloc), span);
                let val = self.array(vals);
                let elem = match &val.ty {
                    Ty::Slice(elem) => (**elem).clone(),
                    _ => Ty::Unknown,
                };
                val.with_ty(types::ext("std::vec::Vec", vec![elem]))
            }
            MacroKind::Select => {
                self.emit(EventKind::Await, span);
                let join = self.new_block();
                for arg in &call.args {
                    let arm = self.fork();
                    let before = self.out.cur;
                    self.out.cur = arm;
                    self.push(ScopeKind::Temp);
                    self.expr(arg);
                    self.pop(None, arg.span);
                    self.go(join);
                    self.out.cur = before;
                }
                self.go(join);
                Val::unknown()
            }
            MacroKind::JoinFutures => {
                for arg in &call.args {
                    let val = self.base(arg);
                    self.run_future(&val, arg.span);
                }
                self.emit(EventKind::Await, span);
                Val::unknown()
            }
            MacroKind::Unknown => {
                let vals: Vec<Val> = call.args.iter().map(|arg| self.base(arg)).collect();
                if let ([lock], Some(method)) = (&vals[..], lock_method(name))
                    && let Some(guard) = self.locked_by_macro(lock, &method, span)
                {
                    return guard;
                }
                for val in &vals {
                    self.lose_handles(val);
                }
                self.other(span);
                Val::unknown()
            }
        }
    }

    /// The guard that a macro of another crate gives of the lock it is given.
    fn locked_by_macro(&mut self, given: &Val, method: &SmolStr, span: Span) -> Option<Val> {
        let mut cur = given.clone();
        for _ in 0..MAX_DEREFS {
            if types::is_guard(&cur.ty) {
                return None;
            }
            if let Ty::Ext(path, args) = &cur.ty
                && let Some(lock) = self.shared.table.get(path)
            {
                let op = self.shared.table.op(lock.traits.shape, method)?;
                let data = args.last().cloned().unwrap_or(Ty::Unknown);
                let call = MethodCall {
                    name: method,
                    generics: &[],
                    args: &[],
                    span,
                    name_span: span,
                    outer: None,
                    awaited: lock.wrap == GuardWrap::Future,
                    thrown: false,
                };
                let val = self.acquire(&cur, &lock, op, data, &call);
                let ty = match lock.wrap {
                    GuardWrap::Result => types::unwrap_ty(&val.ty),
                    _ => val.ty.clone(),
                };
                return Some(val.with_ty(ty));
            }
            cur = self.step(&cur)?;
        }
        None
    }
}

/// What a macro of this name does to the one lock it is given, where its name
/// says nothing else: `read_or_die!`, `safe_lock!`.
fn lock_method(name: &str) -> Option<SmolStr> {
    let (mut reads, mut writes, mut locks) = (false, false, false);
    for word in name.split('_') {
        match word {
            "read" => reads = true,
            "write" => writes = true,
            "lock" => locks = true,
            "abort" | "acquire" | "bail" | "die" | "err" | "error" | "exit" | "expect"
            | "guard" | "must" | "mutex" | "or" | "panic" | "return" | "rw" | "rwlock" | "safe"
            | "unwrap" => {}
            _ => return None,
        }
    }
    match (reads, writes) {
        (true, false) => Some(SmolStr::new_static("read")),
        (false, true) => Some(SmolStr::new_static("write")),
        (false, false) if locks => Some(SmolStr::new_static("lock")),
        _ => None,
    }
}
