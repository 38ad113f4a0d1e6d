//! Certificates are renewed every few weeks, by a program that knows nothing of the hub: it
//! replaces two files, one after the other.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::crypto::CryptoProvider;

use super::certificate;
use super::shown::Shown;
use crate::config::TlsConfig;

/// Dates of files are coarse: what was changed so lately may be changed again without a trace.
const SETTLED: Duration = Duration::from_secs(2);

/// Looks after the files of a certificate.
#[derive(Debug)]
pub(super) struct Renewal {
    files: TlsConfig,
    /// The files that the shown certificate was read from, if another look at them is needless.
    taken: Option<Stamp>,
    /// What was said last about files that cannot be used.
    complaint: Option<String>,
}

/// What differs between a file and the one that takes its place.
type Stamp = [(SystemTime, u64); 2];

impl Renewal {
    /// For files that have been read just now.
    pub(super) fn new(files: TlsConfig) -> Self {
        // What was replaced while it was read is taken at the first look.
        Self { files, taken: None, complaint: None }
    }

    pub(super) fn look_every(&self) -> Duration {
        self.files.look_every
    }

    /// Takes what is new. Files that cannot be used, as when only one of the two has been
    /// replaced yet, leave the certificate as it is, and are tried again at the next look.
    pub(super) async fn look(&mut self, shown: &Arc<Shown>, provider: &Arc<CryptoProvider>) {
        let (files, provider, taken) = (self.files.clone(), Arc::clone(provider), self.taken);
        let shown = Arc::clone(shown);
        // Disks may hang.
        let looked = tokio::task::spawn_blocking(move || {
            let stamp = stamp(&files).ok().filter(is_settled);
            if stamp.is_some() && stamp == taken {
                return Ok((stamp, false));
            }
            let certificate = certificate::load(&files, &provider)?;
            let is_new = certificate.cert != shown.now().cert;
            if is_new {
                shown.show(certificate);
            }
            Ok::<_, certificate::CertificateError>((stamp, is_new))
        });
        match looked.await {
            Ok(Ok((stamp, is_new))) => {
                (self.taken, self.complaint) = (stamp, None);
                if is_new {
                    tracing::info!("the certificate has been renewed");
                }
            }
            Ok(Err(error)) => {
                let complaint = error.to_string();
                if self.complaint.as_ref() != Some(&complaint) {
                    tracing::warn!(error = complaint, "the certificate stays the one before");
                    self.complaint = Some(complaint);
                }
            }
            Err(error) => tracing::error!(%error, "looking at the certificate failed"),
        }
    }
}

fn stamp(files: &TlsConfig) -> io::Result<Stamp> {
    let of = |path: &Path| {
        let metadata = std::fs::metadata(path)?;
        Ok::<_, io::Error>((metadata.modified()?, metadata.len()))
    };
    Ok([of(&files.certificate)?, of(&files.key)?])
}

fn is_settled(stamp: &Stamp) -> bool {
    stamp.iter().all(|(changed, _)| changed.elapsed().is_ok_and(|age| age >= SETTLED))
}
