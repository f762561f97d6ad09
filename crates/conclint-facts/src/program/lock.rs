//! What a lock does: its type, how it is taken, and whether that waits.

use smol_str::SmolStr;

/// What a kind of lock does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LockTraits {
    /// The library, `std`, `parking_lot`, `tokio`.
    pub family: SmolStr,
    /// The type, `Mutex`.
    pub type_name: SmolStr,
    /// Mutual exclusion or readers and writers.
    pub shape: LockShape,
    /// One thread may take it twice.
    pub reentrant: bool,
    /// A second read by one thread never waits, even for a waiting writer.
    pub read_reentrant: bool,
    /// Its guards are made to live across `.await`.
    pub is_async: bool,
    /// It is inside of a collection that locks itself (`DashMap`): calls need
    /// no guard to be safe, and which part of it a key locks is not seen.
    pub self_locking: bool,
}

impl LockTraits {
    /// Whether new readers wait for one who may upgrade: in `spin` they do. In
    /// `parking_lot` and `async-lock` one who may upgrade keeps writers from
    /// even queueing, so readers go on beside it.
    pub fn upgradable_stops_readers(&self) -> bool {
        self.family == "spin"
    }
}

/// Mutual exclusion or readers and writers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LockShape {
    /// One holder.
    Mutex,
    /// Many readers or one writer.
    RwLock,
}

/// How a lock is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Alone.
    Exclusive,
    /// Shared with other readers.
    Read,
    /// Shared with readers, alone among upgradable ones.
    Upgradable,
    /// A read that never waits for a waiting writer.
    ReadRecursive,
}

/// Whether taking it can wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blocking {
    /// Waits until it is free.
    Waits,
    /// Gives up at once (`try_lock`): holds afterwards, never waits.
    Try,
    /// Gives up at once, in a loop that ends when the lock is taken: it waits all the same.
    Spins,
    /// Gives up after a time.
    Timed,
}

impl Blocking {
    /// Without the lock it does not go on.
    pub fn needs_lock(self) -> bool {
        matches!(self, Blocking::Waits | Blocking::Spins)
    }
}
