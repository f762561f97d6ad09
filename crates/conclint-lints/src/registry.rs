//! Every lint, by code. Written by `cargo xtask codegen` from the folders beside it.

use crate::Lint;

#[path = "blocking_under_lock/mod.rs"]
mod blocking_under_lock;
#[path = "busy_wait/mod.rs"]
mod busy_wait;
#[path = "check_then_act/mod.rs"]
mod check_then_act;
#[path = "declared_order_violated/mod.rs"]
mod declared_order_violated;
#[path = "double_lock/mod.rs"]
mod double_lock;
#[path = "guard_across_await/mod.rs"]
mod guard_across_await;
#[path = "guard_dropped_at_once/mod.rs"]
mod guard_dropped_at_once;
#[path = "join_in_spawn_loop/mod.rs"]
mod join_in_spawn_loop;
#[path = "lock_order_inversion/mod.rs"]
mod lock_order_inversion;
#[path = "never_notified/mod.rs"]
mod never_notified;
#[path = "non_atomic_update/mod.rs"]
mod non_atomic_update;
#[path = "notify_without_lock/mod.rs"]
mod notify_without_lock;
#[path = "oversized_critical_section/mod.rs"]
mod oversized_critical_section;
#[path = "panic_swallowed/mod.rs"]
mod panic_swallowed;
#[path = "receiver_never_ends/mod.rs"]
mod receiver_never_ends;
#[path = "sentinel_lost/mod.rs"]
mod sentinel_lost;
#[path = "unbounded_spawn/mod.rs"]
mod unbounded_spawn;
#[path = "unjoined_thread/mod.rs"]
mod unjoined_thread;
#[path = "wait_without_loop/mod.rs"]
mod wait_without_loop;

pub(crate) static LINTS: &[&Lint] = &[
    &lock_order_inversion::LINT,
    &double_lock::LINT,
    &blocking_under_lock::LINT,
    &oversized_critical_section::LINT,
    &guard_dropped_at_once::LINT,
    &guard_across_await::LINT,
    &check_then_act::LINT,
    &declared_order_violated::LINT,
    &wait_without_loop::LINT,
    &notify_without_lock::LINT,
    &never_notified::LINT,
    &unjoined_thread::LINT,
    &panic_swallowed::LINT,
    &join_in_spawn_loop::LINT,
    &unbounded_spawn::LINT,
    &receiver_never_ends::LINT,
    &sentinel_lost::LINT,
    &non_atomic_update::LINT,
    &busy_wait::LINT,
];
