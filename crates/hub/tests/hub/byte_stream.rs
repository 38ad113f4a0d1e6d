//! A connection whose kind no longer matters.

use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) type ByteStream = Box<dyn Bytes>;

pub(crate) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}
