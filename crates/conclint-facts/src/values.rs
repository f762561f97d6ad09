//! Where values come from, inside one function: which reads a write or a
//! branch depends on.
//!
//! Only reads that matter between threads are told apart: of data behind a
//! guard, of atomics, and results of calls, which a lint may look into. A
//! value derived from several reads has all of them; what a closure does with
//! a captured value is not followed.

use smol_str::SmolStr;

use crate::program::{BlockId, GuardId, ObjectRef};

/// A read whose result is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A parameter; 0 is the first one, `self` included.
    Param(u16),
    /// Data behind a guard.
    Guarded {
        /// Which guard.
        guard: GuardId,
        /// The field of the data, where only one was read.
        field: Option<SmolStr>,
    },
    /// The result of the event at this place: a call, a load, a receive, an
    /// attempt to take a lock.
    Event {
        /// Its block.
        block: BlockId,
        /// Its position in the block.
        index: u32,
    },
}

/// A set of [`Origin`]s, by their positions in
/// [`Function::origins`](crate::Function::origins). The first 128 of a
/// function are told apart, later ones are not followed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origins {
    // Two halves, as an `u128` would have all that contains it begin at
    // multiples of 16 bytes.
    high: u64,
    low: u64,
}

impl Origins {
    /// The set of none.
    pub const NONE: Origins = Origins { high: 0, low: 0 };

    fn of(bits: u128) -> Self {
        Origins {
            high: (bits >> 64) as u64,
            low: bits as u64,
        }
    }

    fn bits(self) -> u128 {
        u128::from(self.high) << 64 | u128::from(self.low)
    }

    /// The set of the one at this position.
    pub fn one(position: usize) -> Self {
        u32::try_from(position)
            .ok()
            .and_then(|position| 1_u128.checked_shl(position))
            .map_or(Origins::NONE, Origins::of)
    }

    /// Whether the value depends on nothing that is followed.
    pub fn is_empty(self) -> bool {
        self == Origins::NONE
    }

    /// Whether the one at this position is among them.
    pub fn contains(self, position: usize) -> bool {
        !Origins::one(position).and(self).is_empty()
    }

    /// What is in both.
    #[must_use]
    pub fn and(self, other: Origins) -> Self {
        Origins::of(self.bits() & other.bits())
    }

    /// What is in either.
    #[must_use]
    pub fn or(self, other: Origins) -> Self {
        Origins::of(self.bits() | other.bits())
    }

    /// What is in this one only.
    #[must_use]
    pub fn without(self, other: Origins) -> Self {
        Origins::of(self.bits() & !other.bits())
    }

    /// The positions, least first.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        let mut rest = self.bits();
        std::iter::from_fn(move || {
            (rest != 0).then(|| {
                let position = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                position
            })
        })
    }
}

/// What a value is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Data behind a guard.
    Guarded {
        /// Which guard.
        guard: GuardId,
        /// The field of the data, where only one is written.
        field: Option<SmolStr>,
    },
    /// An atomic, by a plain store.
    Atomic {
        /// Which one.
        object: ObjectRef,
        /// The ordering is `Relaxed`.
        relaxed: bool,
        /// The value is written out: `true`, `BUSY`.
        constant: bool,
    },
}

/// What a test asks of a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Look {
    /// Whether there is something: `contains`, `is_some`, `get_mut`.
    Presence,
    /// What none of the others says: a flag, a pattern, a call.
    #[default]
    Value,
    /// `==`, `!=` with a value that is written out.
    Constant,
    /// `<`, `>` and their like.
    Order,
    /// `!=` with what each thread may have another one of.
    Other,
    /// `==` with what each thread may have another one of, `turn == me`;
    /// `is_leader()`. At most one thread passes at a time.
    Own,
}

/// What makes a variable another one for each thread that is started in a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Own {
    /// It is bound to an object that is made in the loop.
    Made,
    /// It is the number of the round.
    Number,
    /// It is the item of the round.
    Item,
}

/// How a value is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writing {
    /// `=`, `store`.
    Assign,
    /// `+=` and the like: what was there is part of the new value.
    Update,
    /// A method of a collection or `Option`, by its name.
    Method(SmolStr),
    /// A call that is handed the data as `&mut`.
    Call,
}

/// Methods that take one item out, if there is one.
pub fn takes_out(method: &str) -> bool {
    matches!(method, "pop" | "pop_front" | "pop_back" | "take")
}

/// What a loop that waits does between two looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PauseKind {
    /// Lets other threads run.
    Yield,
    /// Tells the processor that it spins.
    Spin,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_is_put_in() {
        let both = Origins::one(3).or(Origins::one(127));
        assert!(both.contains(3) && both.contains(127) && !both.contains(4));
        assert_eq!(both.iter().collect::<Vec<_>>(), [3, 127]);
        assert_eq!(both.without(Origins::one(3)), Origins::one(127));
        assert!(both.and(Origins::one(4)).is_empty());
    }

    #[test]
    fn what_is_too_far_is_not_followed() {
        assert!(Origins::one(128).is_empty());
        assert!(Origins::one(usize::MAX).is_empty());
        assert!(!Origins::one(0).contains(128));
    }
}
