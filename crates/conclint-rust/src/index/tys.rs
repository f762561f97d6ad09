//! Lists of types.

use std::ops::Deref;
use std::sync::Arc;

use super::Ty;

/// Type arguments. Most types have none, and then there is nothing to count
/// references of: these lists are copied all the time, by all threads.
#[derive(Debug, Clone, Default)]
pub struct Tys(Option<Arc<[Ty]>>);

impl Deref for Tys {
    type Target = [Ty];

    fn deref(&self) -> &[Ty] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl PartialEq for Tys {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl From<Vec<Ty>> for Tys {
    fn from(list: Vec<Ty>) -> Self {
        Tys((!list.is_empty()).then(|| list.into()))
    }
}

impl<const N: usize> From<[Ty; N]> for Tys {
    fn from(list: [Ty; N]) -> Self {
        Tys((N > 0).then(|| list.into()))
    }
}

impl FromIterator<Ty> for Tys {
    fn from_iter<I: IntoIterator<Item = Ty>>(list: I) -> Self {
        let mut list = list.into_iter().peekable();
        Tys(list.peek().is_some().then(|| list.collect()))
    }
}

impl<'a> IntoIterator for &'a Tys {
    type Item = &'a Ty;
    type IntoIter = std::slice::Iter<'a, Ty>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
