//! The site without a socket, for the fuzz targets: the same answers to the same bytes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{AddressBuckets, Page, Public, Shared, converse};
use crate::authority::Authority;
use crate::broker::{Broker, StorageError};
use crate::config::Limits;
use crate::limits::Rate;
use crate::tasks::Tasks;

/// How often the site is asked to go on, at some requests each time, before the client leaves.
const TURNS: u32 = 32;

/// What may wait in a pipe.
const PIPE_BYTES: usize = 64 * 1024;

/// A site at whose broker nobody listens.
#[derive(Debug)]
pub(crate) struct SiteInMemory {
    shared: Shared,
    tasks: Tasks,
}

impl SiteInMemory {
    /// # Errors
    /// None that its broker has, which keeps nothing.
    pub(crate) async fn open(
        public: Public,
        authority: Arc<Authority>,
        limits: &Limits,
    ) -> Result<Self, StorageError> {
        let (census, door) = Broker::deserted(limits, Arc::clone(&authority)).await?;
        let rate = Rate::with_bursts(limits.http_requests_per_second, 20);
        let rates = Mutex::new(AddressBuckets::new(rate));
        let shared = Shared { public, authority, census, door, page: Page::built_in(), rates };
        Ok(Self { shared, tasks: Tasks::new() })
    }

    /// All that is answered to a client who sends these bytes and then no more.
    pub(crate) async fn answer(&self, bytes: &[u8]) -> Vec<u8> {
        let (client, server) = tokio::io::duplex(PIPE_BYTES);
        let (mut reader, mut writer) = tokio::io::split(client);
        let from = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 1);
        let reached = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
        let mut stopped = self.tasks.stopped();
        let mut answer = Vec::new();
        let write = async {
            // The site may have had enough before all is written.
            let _ = writer.write_all(bytes).await;
            // A client who is gone gets no answer, so this one stays until it has come.
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
            let _ = writer.shutdown().await;
        };
        let served = converse(server, (from, reached), &self.shared, false, &mut stopped);
        let ((), (), _) = tokio::join!(served, write, reader.read_to_end(&mut answer));
        answer
    }
}
