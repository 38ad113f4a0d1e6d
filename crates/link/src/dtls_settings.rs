//! What every handshake is told. Making it takes about 2 ms, since `dimpl` tests its cryptography
//! anew each time; so equal settings are made once in a process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dimpl::crypto::{Dtls12CipherSuite, Dtls13CipherSuite};

use crate::config::Config;

/// Repetitions of one flight. The interval doubles, so the handshake's own deadline comes first.
const FLIGHT_RETRIES: usize = 12;
/// The first wait of a flight is rounded up to a multiple of this, so that there are few.
const RTO_STEP_MS: u64 = 10;
/// Settings that are kept; a process has one or two kinds of `Config`, with 40 waits at most.
const MAX_KEPT: usize = 128;

/// What of the settings differs between links.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Variant {
    mtu: usize,
    handshake_timeout: Duration,
    records_per_key: u64,
    rto: Duration,
}

static KEPT: Mutex<BTreeMap<Variant, Arc<dimpl::Config>>> = Mutex::new(BTreeMap::new());

/// Settings for a handshake whose flights are repeated after `rto` the first time.
pub(crate) fn settings(config: &Config, rto: Duration) -> Result<Arc<dimpl::Config>, dimpl::Error> {
    let rto_ms = (rto.as_millis() as u64).div_ceil(RTO_STEP_MS).max(1) * RTO_STEP_MS;
    let variant = Variant {
        mtu: config.mtu,
        handshake_timeout: config.handshake_timeout,
        records_per_key: config.records_per_key,
        rto: Duration::from_millis(rto_ms),
    };
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(settings) = kept.get(&variant) {
        return Ok(settings.clone());
    }
    let settings = Arc::new(make(&variant)?);
    if kept.len() >= MAX_KEPT {
        kept.clear();
    }
    kept.insert(variant, settings.clone());
    Ok(settings)
}

fn make(variant: &Variant) -> Result<dimpl::Config, dimpl::Error> {
    dimpl::Config::builder()
        .mtu(variant.mtu)
        .use_server_cookie(false)
        .require_client_certificate(true)
        .flight_start_rto(variant.rto)
        .flight_retries(FLIGHT_RETRIES)
        .handshake_timeout(variant.handshake_timeout)
        .aead_encryption_limit(variant.records_per_key)
        .dtls12_cipher_suites(&[
            Dtls12CipherSuite::ECDHE_ECDSA_AES128_GCM_SHA256,
            Dtls12CipherSuite::ECDHE_ECDSA_CHACHA20_POLY1305_SHA256,
        ])
        .dtls13_cipher_suites(&[
            Dtls13CipherSuite::AES_128_GCM_SHA256,
            Dtls13CipherSuite::CHACHA20_POLY1305_SHA256,
        ])
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rto_ms: u64) -> Arc<dimpl::Config> {
        settings(&Config::default(), Duration::from_millis(rto_ms)).expect("good settings")
    }

    #[test]
    fn equal_settings_are_made_once() {
        assert!(Arc::ptr_eq(&of(20), &of(20)));
        assert!(Arc::ptr_eq(&of(21), &of(30)));
        assert!(!Arc::ptr_eq(&of(20), &of(30)));
    }

    #[test]
    fn a_wait_is_never_shortened() {
        for rto in [1, 10, 11, 20, 399, 400] {
            let step = of(rto).flight_start_rto();
            assert!(step >= Duration::from_millis(rto), "{rto}: {step:?}");
            assert!(step < Duration::from_millis(rto + RTO_STEP_MS), "{rto}: {step:?}");
        }
    }

    #[test]
    fn other_configurations_get_settings_of_their_own() {
        let narrow = Config { mtu: 600, ..Config::default() };
        let settings = settings(&narrow, Duration::from_millis(20)).expect("good settings");
        assert_eq!(settings.mtu(), 600);
        assert_ne!(of(20).mtu(), 600);
    }
}
