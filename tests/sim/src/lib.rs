//! A seeded world in virtual time: real engines, and around them a broker, paths, disks, clocks
//! and people that do what such things do at their worst. Beside it runs a [`model`] of what must
//! come of it; the six invariants of the architecture are checked after every step.
//!
//! A [`Plan`] is drawn from a seed ([`draw`]) and run ([`run()`]); a plan that fails is made small
//! ([`shrink`]) and kept as a scenario.

pub mod clock;
pub mod coverage;
pub mod dice;
pub mod disk;
pub mod draw;
pub mod invariant;
pub mod model;
pub mod plan;
pub mod run;
pub mod shrink;
pub mod world;

pub use coverage::{Coverage, Row};
pub use invariant::{Breach, Invariant};
pub use plan::Plan;
pub use run::{Outcome, run};
