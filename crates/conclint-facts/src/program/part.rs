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
    /// A parameter has this value.
    Flag {
        /// The parameter.
        param: u16,
        /// The value.
        value: bool,
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
