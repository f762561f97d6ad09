//! Bodies to facts: for every function a control-flow graph of events, with
//! the lifetimes of guards and temporaries as the language defines them.
//!
//! Knows names and types through `index` only, and external code through
//! `table`. Refuses to decide what is a bug.

mod accessor;
mod args;
mod assemble;
mod assign;
mod behind;
mod body;
mod by_name;
mod call;
mod channels;
mod chosen;
mod closure;
mod combinator;
mod control;
mod cut;
mod data;
mod dropped;
mod effect;
mod expr;
mod external;
mod fixed;
mod fresh;
mod function;
mod handles;
mod kept;
mod known;
mod learned;
mod library;
mod link;
mod locals;
mod locks;
mod looks;
mod loops;
mod macros;
mod maps;
mod method;
mod named;
mod never;
mod operators;
mod orders;
mod origin;
mod own;
mod parts;
mod pattern;
mod queues;
mod retries;
mod rounds;
mod scopes;
mod shared;
mod sole;
mod spawn;
mod spin;
mod statement;
mod std_result;
mod threads;
mod types;
mod unshared;
mod value;
mod variants;
mod ways_out;
mod workspace_call;
mod written;

pub(crate) use assemble::program;
