//! Methods of values whose type is not known, found by their name alone.
//!
//! Only where a single function of the workspace has that name and as many
//! parameters, and never for names that everybody uses.

use conclint_facts::Resolution;

use super::body::Lower;
use super::method::MethodCall;
use super::types::{self, StdRet};
use super::value::Val;
use crate::index::{FnIdx, How, MethodRes, Ty};
use crate::table;

/// Methods too common to be resolved by name alone.
const STOP: &[&str] = &[
    "new",
    "write_fmt",
    "write_str",
    "write_all",
    "read_exact",
    "read_to_end",
    "read_to_string",
    "write_char",
    "get",
    "get_mut",
    "insert",
    "remove",
    "len",
    "clone",
    "read",
    "write",
    "lock",
    "send",
    "next",
    "push",
    "pop",
    "iter",
    "into",
    "from",
    "map",
    "unwrap",
    "expect",
    "take",
    "replace",
    "is_empty",
    "clear",
    "contains",
    "join",
    "wait",
    "run",
    "start",
    "stop",
    "close",
    "flush",
    "poll",
    "call",
    "drop",
    "as_ref",
    "as_mut",
    "to_string",
    "fmt",
    "eq",
    "hash",
    "name",
    "id",
    "key",
    "value",
    "extend",
    "drain",
    "find",
    "filter",
    "collect",
    "min",
    "max",
    "set",
    "load",
    "store",
    "swap",
    "update",
    "add",
    "sub",
    "with",
    "borrow",
    "index",
    "default",
    "build",
    "parse",
    "open",
    "connect",
    "accept",
    "bind",
    "spawn",
    "execute",
    "handle",
    "process",
    "reset",
    "init",
    "size",
    "count",
    "path",
    "split",
    "append",
    "first",
    "last",
    "entry",
    "keys",
    "values",
    "try_lock",
    "and_then",
    "or_else",
    "ok",
    "err",
    "then",
    "unpark",
    "park",
    "recv",
    "try_recv",
    "abs",
    "hash_one",
    "finish",
];

impl Lower<'_> {
    /// A method whose name only one function of the workspace has.
    pub fn method_by_name(&mut self, cur: &Val, call: &MethodCall) -> Option<Val> {
        if STOP.contains(&call.name.as_str()) || table::runs_in_place(call.name).is_some() {
            return None;
        }
        // `fn capacity(&self) { self.inner.capacity() }`: what is handed on is
        // somebody else's method of that name.
        if self.base.name == *call.name {
            return None;
        }
        let found: Vec<FnIdx> = self.index().methods_named(call.name).to_vec();
        let entries = self.index().functions();
        let fits = |f: &FnIdx| {
            entries
                .get(f.index())
                .is_some_and(|entry| entry.def.params.len() == call.args.len() + 1)
        };
        let &[one] = &found[..] else { return None };
        if !fits(&one) || !matches!(types::std_method(&Ty::Unknown, call.name), StdRet::Unknown) {
            return None;
        }
        let self_ty = entries
            .get(one.index())
            .and_then(|entry| entry.scope.self_ty.clone())
            .unwrap_or(Ty::Unknown);
        let res = MethodRes {
            fns: vec![one],
            how: How::Exact,
            self_ty,
        };
        let call = call.of_workspace(&res, Resolution::ByName, &[]);
        Some(self.workspace_call(Some(cur.clone()), &call))
    }

    /// Whether `join()` of a value of unknown type may be a method that this file
    /// declares: one that takes handles out, say, and waits for none of them.
    pub fn may_be_own_join(&self, call: &MethodCall) -> bool {
        let own = |f: &FnIdx| {
            let entry = self.index().functions().get(f.index());
            entry.is_some_and(|f| f.def.params.len() == 1 && f.file as usize == self.file_index)
        };
        call.name == "join"
            && call.args.is_empty()
            && self.index().methods_named("join").iter().any(own)
    }
}
