//! What conditions say of the code behind them: one [`Part`] each.

use smol_str::SmolStr;

use super::{Place, Site};

/// A part of a function that runs only when something is so: `if flag { .. }`,
/// or what follows after `if ptr::eq(a, b) { return }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What is so there.
    pub when: When,
    /// Where it begins: line and column.
    pub from: (u32, u32),
    /// Where it ends.
    pub to: (u32, u32),
}

/// What is so in a part of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// A parameter has one of these values.
    Flag {
        /// The parameter.
        param: u16,
        /// The values.
        values: Variants,
    },
    /// What was read from two places in the same way differs, so they are not
    /// one object.
    Apart {
        /// The one.
        a: Place,
        /// The other.
        b: Place,
        /// Addresses were compared: what lies behind a pointer in the two may
        /// be one object all the same.
        by_address: bool,
    },
    /// What was read from two objects in the same way is in order: of the low
    /// one it is not more than of the high one.
    Ordered {
        /// The one with the lower key.
        low: Place,
        /// The one with the higher key, or the same.
        high: Place,
        /// What was read of both: a field, a getter; [`Self::ADDRESS`].
        key: SmolStr,
    },
    /// This place has the last of the reference-counted pointers to what a
    /// field of it (or it) points to.
    LastOwner(Place),
    /// A flag of `self`, which is only lent out to the function: as long as that
    /// runs, nobody changes it.
    Kept {
        /// The field.
        field: SmolStr,
        /// What it is.
        value: bool,
    },
}

impl When {
    /// What [`Self::Ordered`] calls the address of an object.
    pub const ADDRESS: &str = "*";
}

impl Part {
    /// Whether the place lies in this part.
    pub fn contains(&self, site: Site) -> bool {
        let start = (site.line, site.column);
        self.from <= start && start < self.to
    }
}

/// What tells which value an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// It is written out: `true`, `Event::Closed(..)`.
    Written(Variants),
    /// It is what came in as this parameter, unchanged.
    Param(u16),
}

/// What the values of a type are told apart by, where there are few of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Choice {
    /// `false`, `true`.
    Bool,
    /// `None`, `Some`.
    Option,
    /// `Ok`, `Err`.
    Result,
    /// The variants of the program's own enum of this number.
    Enum(u32),
}

/// Some of the values of a type: `true`, `Event::Closed(..)`, all but `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Variants {
    of: Choice,
    set: u64,
}

impl Variants {
    /// The one value of a flag.
    pub fn flag(value: bool) -> Self {
        Variants {
            of: Choice::Bool,
            set: 1 << u32::from(value),
        }
    }

    /// The variant at a position; `None` where there are too many to note.
    pub fn one(of: Choice, position: u32) -> Option<Self> {
        let set = 1_u64.checked_shl(position)?;
        Some(Variants { of, set })
    }

    /// The first `count` variants; `None` where there are too many to note.
    pub fn first(of: Choice, count: u32) -> Option<Self> {
        let set = match count {
            0..64 => (1 << count) - 1,
            64 => u64::MAX,
            _ => return None,
        };
        Some(Variants { of, set })
    }

    /// What the values are told apart by.
    pub fn of(self) -> Choice {
        self.of
    }

    /// The values in either; of two types there is none.
    pub fn or(self, other: Self) -> Option<Self> {
        let set = self.set | other.set;
        (self.of == other.of).then_some(Variants { set, ..self })
    }

    /// The values that are in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let set = self.set & other.set;
        match self.of == other.of {
            true => Variants { set, ..self },
            false => self,
        }
    }

    /// The values that are not among `others`.
    #[must_use]
    pub fn without(self, others: Self) -> Self {
        let set = self.set & !others.set;
        match self.of == others.of {
            true => Variants { set, ..self },
            false => self,
        }
    }

    /// No value is in both; of two types nothing is said.
    pub fn excludes(self, other: Self) -> bool {
        self.of == other.of && self.set & other.set == 0
    }

    /// All of its values are among `others`.
    pub fn is_within(self, others: Self) -> bool {
        self.of == others.of && self.set & !others.set == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_variants() {
        let of = Choice::Enum(3);
        let one = |position| Variants::one(of, position).unwrap();
        let all = Variants::first(of, 3).unwrap();
        let rest = all.without(one(1));
        assert_eq!(one(0).or(one(2)), Some(rest));
        assert!(rest.excludes(one(1)) && !rest.excludes(one(0)));
        assert!(one(2).is_within(rest) && !all.is_within(rest));
        assert_eq!(all.and(one(1)), one(1));
        assert!(Variants::flag(true).excludes(Variants::flag(false)));
        // Of another type nothing is known.
        let other = Variants::one(Choice::Enum(4), 1).unwrap();
        assert!(!other.excludes(one(0)) && !other.is_within(all));
        assert_eq!(other.or(one(0)), None);
        assert_eq!(Variants::one(of, 64), None);
        assert_eq!(Variants::first(of, 65), None);
        assert!(one(63).is_within(Variants::first(of, 64).unwrap()));
    }
}
