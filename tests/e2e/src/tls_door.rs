//! What stands before a hub and ends TLS, as a reverse proxy does.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::certificate::Certificate;

/// A door of TLS on loopback, in front of one plain port; closed when dropped.
#[derive(Debug)]
pub struct TlsDoor {
    port: u16,
    certificate: watch::Sender<Certificate>,
    task: JoinHandle<()>,
}

impl TlsDoor {
    /// Opens one in front of the port at `behind`, `host:port`.
    ///
    /// # Panics
    /// When it cannot listen.
    pub async fn open(behind: &str, certificate: Certificate) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (certificate, shown) = watch::channel(certificate);
        let task = tokio::spawn(admit(listener, shown, behind.to_owned()));
        Self { port, certificate, task }
    }

    /// Where it stands, `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Shows this certificate from now on; who is inside is put out, as when a proxy restarts.
    pub fn show(&self, certificate: Certificate) {
        self.certificate.send_replace(certificate);
    }
}

impl Drop for TlsDoor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn admit(listener: TcpListener, shown: watch::Receiver<Certificate>, behind: String) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(pass(stream, shown.clone(), behind.clone()));
    }
}

/// Carries one connection until either end, or the certificate, goes.
async fn pass(stream: TcpStream, mut shown: watch::Receiver<Certificate>, behind: String) {
    let config = shown.borrow_and_update().0.clone();
    let carried = async {
        // A client that does not like the certificate leaves: that is what is tested.
        let mut outside = TlsAcceptor::from(config).accept(stream).await?;
        let mut inside = TcpStream::connect(&behind).await?;
        copy_bidirectional(&mut outside, &mut inside).await
    };
    tokio::select! {
        // However it ends, the connection is over.
        _ = carried => {}
        _ = shown.changed() => {}
    }
}
