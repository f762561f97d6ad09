//! Tests of the front end.

mod corpus;
mod deep;
mod direct;
mod dump;
mod expand;
mod hostile;
mod quiet;
mod resilience;
mod spans;
mod table;
