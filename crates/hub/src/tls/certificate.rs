//! Reading a certificate and its key, and saying what is wrong with them.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject as _, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError as Fault, Error, InconsistentKeys, RootCertStore};

use crate::config::TlsConfig;

/// The largest file that is read: chains have a few certificates of 2 KB.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Why a hub cannot use a certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It is not there, or may not be read.
    #[error("cannot read {}: {error}; {}", path.display(), remedy(error))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Far too large to be one.
    #[error(
        "{} has more than {MAX_FILE_BYTES} bytes: it is neither a certificate nor a key",
        path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// No certificate in PEM form.
    #[error("{} holds no certificate in PEM form: {hint}", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
        /// What it holds instead, and what to do.
        hint: &'static str,
    },
    /// No key in PEM form.
    #[error("{} holds no private key in PEM form: {hint}", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
        /// What it holds instead, and what to do.
        hint: &'static str,
    },
    /// A key, but not that of the certificate.
    #[error(
        "the key in {} is not that of the first certificate in {}; name the two files that were \
         issued together, and let the hub's own certificate come first",
        key.display(),
        certificate.display()
    )]
    OtherKey {
        /// The certificates.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// PEM, but nothing that can be used.
    #[error("{} cannot be used: {reason}; copy it anew, or have another issued", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// A certificate that works, and that clients will complain about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateWarning {
    /// Its time is over.
    #[error("the certificate expired {} ago: nobody trusts it; renew it", days(*since))]
    Expired {
        /// How long.
        since: Duration,
    },
    /// Its time has not come.
    #[error(
        "the certificate is good only in {}: nobody trusts it before; is this machine's clock \
         right?",
        days(*until)
    )]
    NotYetValid {
        /// In how long it does.
        until: Duration,
    },
    /// It is that of an authority.
    #[error(
        "the certificate is that of an authority: few clients take it for a server's; sign one \
         with it for the server, and name that"
    )]
    OfAnAuthority,
}

impl CertificateError {
    pub(super) fn unusable(path: &Path, error: &Error) -> Self {
        Self::Unusable { path: path.to_owned(), reason: error.to_string() }
    }
}

/// Reads both files.
pub(super) fn load(
    files: &TlsConfig,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, CertificateError> {
    let chain = chain(&files.certificate)?;
    let key = key(&files.key)?;
    let first = chain.first().ok_or_else(|| CertificateError::NoCertificate {
        path: files.certificate.clone(),
        hint: EMPTY,
    })?;
    ParsedCertificate::try_from(first)
        .map_err(|error| CertificateError::unusable(&files.certificate, &error))?;
    let signing = provider
        .key_provider
        .load_private_key(key)
        .map_err(|error| CertificateError::unusable(&files.key, &error))?;
    let certified = CertifiedKey::new(chain, signing);
    match certified.keys_match() {
        // A key that does not tell its public part shows at the first handshake.
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(Error::InconsistentKeys(_)) => Err(CertificateError::OtherKey {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
        }),
        Err(error) => Err(CertificateError::unusable(&files.certificate, &error)),
    }
}

/// What clients will say of it, whoever they trust.
pub(super) fn warning(
    certified: &CertifiedKey,
    provider: &CryptoProvider,
) -> Option<CertificateWarning> {
    let certificate = ParsedCertificate::try_from(certified.cert.first()?).ok()?;
    let now = UnixTime::now();
    // Who signed it is not known here: that nobody did is what is left if all else is right.
    let judged = verify_server_cert_signed_by_trust_anchor(
        &certificate,
        &RootCertStore::empty(),
        &[],
        now,
        provider.signature_verification_algorithms.all,
    );
    let between = |from: UnixTime, to: UnixTime| {
        Duration::from_secs(to.as_secs().saturating_sub(from.as_secs()))
    };
    match judged {
        Err(Error::InvalidCertificate(Fault::ExpiredContext { time, not_after })) => {
            Some(CertificateWarning::Expired { since: between(not_after, time) })
        }
        Err(Error::InvalidCertificate(Fault::NotValidYetContext { time, not_before })) => {
            Some(CertificateWarning::NotYetValid { until: between(time, not_before) })
        }
        // The verifier's own error type is not among the dependencies; its name is stable.
        Err(Error::InvalidCertificate(Fault::Other(other)))
            if other.0.to_string().contains("CaUsedAsEndEntity") =>
        {
            Some(CertificateWarning::OfAnAuthority)
        }
        Ok(()) | Err(_) => None,
    }
}

const EMPTY: &str =
    "it must begin with -----BEGIN CERTIFICATE-----; certbot calls it fullchain.pem";
const DER: &str = "it looks like DER; `openssl x509 -inform der` makes PEM of it";
const SWAPPED: &str = "it holds a key; are the two files swapped?";
const NO_KEY: &str = "it must begin with -----BEGIN PRIVATE KEY----- or the like; certbot calls it \
                      privkey.pem";
const KEY_DER: &str = "it looks like DER; `openssl pkey -inform der` makes PEM of it";
const KEY_SWAPPED: &str = "it holds a certificate; are the two files swapped?";
/// How keys begin that are locked: in PKCS#8, and before it.
const LOCKS: [&[u8]; 2] = [b"-----BEGIN ENCRYPTED PRIVATE KEY-----", b"Proc-Type: 4,ENCRYPTED"];
const LOCKED: &str = "the key is locked by a passphrase; `openssl pkey` takes that off";

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let bytes = read(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => {
            let hint = match Content::of(&bytes) {
                Content::Key => SWAPPED,
                Content::Der => DER,
                Content::Certificate | Content::Other => EMPTY,
            };
            Err(CertificateError::NoCertificate { path: path.to_owned(), hint })
        }
        Err(error) => Err(broken(path, &error)),
    }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    let bytes = read(path)?;
    let none = |hint| CertificateError::NoKey { path: path.to_owned(), hint };
    if LOCKS.iter().any(|lock| bytes.windows(lock.len()).any(|window| window == *lock)) {
        return Err(none(LOCKED));
    }
    match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(key) => Ok(key),
        Err(pem::Error::NoItemsFound) => Err(none(match Content::of(&bytes) {
            Content::Certificate => KEY_SWAPPED,
            Content::Der => KEY_DER,
            Content::Key | Content::Other => NO_KEY,
        })),
        Err(error) => Err(broken(path, &error)),
    }
}

fn broken(path: &Path, error: &pem::Error) -> CertificateError {
    let reason = match error {
        pem::Error::MissingSectionEnd { .. } => "it is cut short".to_owned(),
        pem::Error::IllegalSectionStart { .. } | pem::Error::Base64Decode(_) => {
            "what is between its -----BEGIN and -----END is damaged".to_owned()
        }
        other => other.to_string(),
    };
    CertificateError::Unusable { path: path.to_owned(), reason }
}

/// What a file holds that does not hold what it should.
enum Content {
    Certificate,
    Key,
    Der,
    Other,
}

impl Content {
    fn of(bytes: &[u8]) -> Self {
        let sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(bytes).flatten();
        for (kind, _) in sections {
            match kind {
                SectionKind::Certificate => return Self::Certificate,
                SectionKind::PrivateKey
                | SectionKind::RsaPrivateKey
                | SectionKind::EcPrivateKey => return Self::Key,
                _ => {}
            }
        }
        // A SEQUENCE with a length of two bytes, as certificates and keys begin.
        if bytes.starts_with(&[0x30, 0x82]) { Self::Der } else { Self::Other }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let failed = |error| CertificateError::Unreadable { path: path.to_owned(), error };
    // A directory or a pipe has no length; reading it fails or ends.
    if std::fs::metadata(path).map_err(failed)?.len() > MAX_FILE_BYTES {
        return Err(CertificateError::TooLarge { path: path.to_owned() });
    }
    std::fs::read(path).map_err(failed)
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "name the file that your ACME client writes, or `openssl` made",
        io::ErrorKind::PermissionDenied => "let the user that runs the hub read it",
        _ => "name a file that can be read",
    }
}

fn days(duration: Duration) -> String {
    let count = |n: u64, unit: &str| format!("{n} {unit}{}", if n == 1 { "" } else { "s" });
    let hours = duration.as_secs() / 3600;
    match hours {
        0 => "less than an hour".to_owned(),
        1..=47 => count(hours, "hour"),
        _ => count(hours / 24, "day"),
    }
}
