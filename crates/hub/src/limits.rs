//! Bounds on what one client, one address and all of them together may do.

mod bucket;
mod connections;
mod hourly;
mod per_address;

pub(crate) use bucket::{Bucket, Rate};
pub(crate) use connections::{Admission, Connections};
pub(crate) use hourly::Hourly;
pub(crate) use per_address::AddressBuckets;
