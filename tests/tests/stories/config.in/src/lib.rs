//! Nothing of interest.
