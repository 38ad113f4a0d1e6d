//! The filters of a session: remembered, and sent again on every connection.

use std::collections::BTreeMap;

use crate::Qos;

/// More filters are refused. The protocol needs one; this leaves room and bounds the SUBSCRIBE.
pub(crate) const MAX_FILTERS: usize = 16;

/// The largest filter, in bytes, so that all of them fit in a packet any broker takes.
const MAX_FILTER_BYTES: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    filters: Vec<(String, Qos)>,
    /// SUBSCRIBEs of this connection without a SUBACK, by packet id.
    pending: BTreeMap<u16, Vec<String>>,
}

/// Why a filter is not remembered, as the SUBACK code a broker would use.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rejected(pub(crate) u8);

impl Subscriptions {
    /// Remembers a filter, or changes its QoS.
    pub(crate) fn add(&mut self, filter: &str, qos: Qos) -> Result<(), Rejected> {
        if filter.is_empty() || filter.len() > MAX_FILTER_BYTES || filter.contains('\0') {
            return Err(Rejected(0x8F));
        }
        if let Some(known) = self.filters.iter_mut().find(|(known, _)| known == filter) {
            known.1 = qos;
        } else if self.filters.len() == MAX_FILTERS {
            return Err(Rejected(0x97));
        } else {
            self.filters.push((filter.to_owned(), qos));
        }
        Ok(())
    }

    pub(crate) fn filters(&self) -> &[(String, Qos)] {
        &self.filters
    }

    pub(crate) fn sent(&mut self, id: u16, filters: &[(String, Qos)]) {
        self.pending.insert(id, filters.iter().map(|(filter, _)| filter.clone()).collect());
    }

    /// Takes a SUBACK; returns the refused filters with their codes, or `None` if nothing waited
    /// for it.
    pub(crate) fn acknowledged(&mut self, id: u16, codes: &[u8]) -> Option<Vec<(String, u8)>> {
        let filters = self.pending.remove(&id)?;
        // A broker that answers with too few codes has not granted the rest.
        let codes = codes.iter().copied().chain(std::iter::repeat(0x80));
        Some(filters.into_iter().zip(codes).filter(|(_, code)| *code >= 0x80).collect())
    }

    pub(crate) fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    pub(crate) fn uses_id(&self, id: u16) -> bool {
        self.pending.contains_key(&id)
    }

    pub(crate) fn disconnected(&mut self) {
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_remembered_once() {
        let mut s = Subscriptions::default();
        s.add("a/+", Qos::AtMostOnce).unwrap();
        s.add("a/+", Qos::AtLeastOnce).unwrap();
        assert_eq!(s.filters(), [("a/+".to_owned(), Qos::AtLeastOnce)]);
    }

    #[test]
    fn filters_are_bounded() {
        let mut s = Subscriptions::default();
        for n in 0..MAX_FILTERS {
            s.add(&n.to_string(), Qos::AtMostOnce).unwrap();
        }
        assert_eq!(s.add("more", Qos::AtMostOnce), Err(Rejected(0x97)));
        assert_eq!(s.add("", Qos::AtMostOnce), Err(Rejected(0x8F)));
        assert_eq!(s.add(&"x".repeat(1025), Qos::AtMostOnce), Err(Rejected(0x8F)));
    }

    #[test]
    fn missing_suback_codes_count_as_refusals() {
        let mut s = Subscriptions::default();
        s.add("a", Qos::AtMostOnce).unwrap();
        s.add("b", Qos::AtMostOnce).unwrap();
        let filters = s.filters().to_vec();
        s.sent(7, &filters);
        assert_eq!(s.acknowledged(7, &[1]), Some(vec![("b".to_owned(), 0x80)]));
        assert_eq!(s.acknowledged(7, &[1]), None);
    }
}
