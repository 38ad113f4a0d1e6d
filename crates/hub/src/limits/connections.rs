//! How many connections there are, in all and per address.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tincan_relay::AddressKey;

/// Counts connections. Each one holds an [`Admission`] and is over when that is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    total_limit: usize,
    address_limit: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    /// Addresses with at least one connection, so no more than `total`.
    by_address: BTreeMap<AddressKey, usize>,
}

impl Connections {
    pub(crate) fn new(total_limit: usize, address_limit: usize) -> Self {
        Self { total_limit, address_limit, open: Arc::default() }
    }

    /// Admits a connection, or says why not.
    pub(crate) fn admit(&self, address: IpAddr) -> Result<Admission, &'static str> {
        let key = AddressKey::from(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.total >= self.total_limit {
            return Err("connections");
        }
        let of_address = open.by_address.get(&key).copied().unwrap_or(0);
        if of_address >= self.address_limit {
            return Err("connections_per_address");
        }
        open.by_address.insert(key, of_address + 1);
        open.total += 1;
        Ok(Admission { key, open: Arc::clone(&self.open) })
    }

    pub(crate) fn total(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).total
    }
}

/// The right to one connection.
#[derive(Debug)]
pub(crate) struct Admission {
    key: AddressKey,
    open: Arc<Mutex<Open>>,
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.total = open.total.saturating_sub(1);
        match open.by_address.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                open.by_address.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    #[test]
    fn limits_hold_and_dropping_makes_room() {
        let connections = Connections::new(3, 2);
        let first = connections.admit(address(1)).unwrap();
        let _second = connections.admit(address(1)).unwrap();
        assert_eq!(connections.admit(address(1)).unwrap_err(), "connections_per_address");
        let _other = connections.admit(address(2)).unwrap();
        assert_eq!(connections.admit(address(3)).unwrap_err(), "connections");
        drop(first);
        assert!(connections.admit(address(1)).is_ok());
    }

    #[test]
    fn nothing_is_kept_of_connections_that_ended() {
        let connections = Connections::new(10, 10);
        drop((1..=10).map(|n| connections.admit(address(n)).unwrap()).collect::<Vec<_>>());
        assert_eq!(connections.total(), 0);
        assert!(connections.open.lock().unwrap().by_address.is_empty());
    }
}
