//! Macro calls whose arguments were parsed.

use conclint_facts::{EventKind, WorkKind};
use smol_str::SmolStr;

use super::body::{Lower, end_of};
use super::scopes::ScopeKind;
use super::types;
use super::value::Val;
use crate::hir::{self, MacroKind, Span};
use crate::index::Ty;

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
                for arg in &call.args {
                    self.base(arg);
                }
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
                    let (depth, exit) = self.return_target();
                    self.unwind(depth, &[], end_of(span));
                    self.leave(exit);
                    return Val::of(Ty::Never);
                }
                if call.kind == MacroKind::Format {
                    return Val::of(types::ext("std::string::String", vec![]));
                }
                Val::of(Ty::unit())
            }
            MacroKind::Write => {
                for arg in &call.args {
                    self.base(arg);
                }
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
                for arg in &call.args {
                    let val = self.base(arg);
                    self.lose_handles(&val);
                }
                self.other(span);
                Val::unknown()
            }
        }
    }
}
