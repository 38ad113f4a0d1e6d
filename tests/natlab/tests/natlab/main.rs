//! The laboratory proved, and a representative set of what the product must do in it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on says so by panicking, and one that was not run says so, too"
)]

mod conversations;
mod doctor;
mod hosting;
mod relay_only;
mod routers;
mod scenes;
mod tls;
mod visits;
