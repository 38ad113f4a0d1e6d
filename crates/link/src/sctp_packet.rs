//! A look at the first chunk of an SCTP packet (RFC 9260 §3), for what `rtc-sctp` keeps to itself.

/// Length of the common header, which the first chunk follows.
const HEADER: usize = 12;

/// The chunk types that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChunkKind {
    Data,
    Init,
    Sack,
    Abort,
    CookieEcho,
    Other,
}

/// The kind of the first chunk.
pub(crate) fn first_chunk(packet: &[u8]) -> Option<ChunkKind> {
    Some(match packet.get(HEADER)? {
        0 => ChunkKind::Data,
        1 => ChunkKind::Init,
        3 => ChunkKind::Sack,
        6 => ChunkKind::Abort,
        10 => ChunkKind::CookieEcho,
        _ => ChunkKind::Other,
    })
}

/// The receive window announced by a packet that starts with a SACK (RFC 9260 §3.3.4).
pub(crate) fn sack_window(packet: &[u8]) -> Option<u32> {
    if first_chunk(packet)? != ChunkKind::Sack {
        return None;
    }
    let window = packet.get(HEADER + 8..HEADER + 12)?;
    window.try_into().ok().map(u32::from_be_bytes)
}

/// The number of the first chunk of a packet that starts with DATA (RFC 9260 §3.3.1).
pub(crate) fn data_number(packet: &[u8]) -> Option<u32> {
    if first_chunk(packet)? != ChunkKind::Data {
        return None;
    }
    let number = packet.get(HEADER + 4..HEADER + 8)?;
    number.try_into().ok().map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn window_of_a_sack_is_read() {
        let mut packet = vec![0; HEADER];
        packet.extend_from_slice(&[3, 0, 0, 16, 0, 0, 0, 9, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(sack_window(&packet), Some(65_536));
        packet[HEADER] = 0;
        assert_eq!(sack_window(&packet), None);
    }

    proptest! {
        #[test]
        fn any_packet_is_looked_at_without_panic(
            data in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let _ = (sack_window(&data), data_number(&data));
        }
    }
}
