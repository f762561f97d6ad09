//! What the variables of a matcher stand for.

use proc_macro2::TokenTree;
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

/// What one variable stands for.
#[derive(Clone, Debug)]
pub(super) enum Binding {
    /// Tokens, and how many they are with all that is inside.
    One(Vec<TokenTree>, usize),
    /// One for each round of a repetition.
    Many(Vec<Binding>),
}

/// By the variables' names.
pub(super) type Bindings = FxHashMap<SmolStr, Binding>;
