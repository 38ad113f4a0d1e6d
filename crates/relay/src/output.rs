//! What the server wants done.

use std::net::SocketAddr;

use crate::address::Family;
use crate::channel_data;
use crate::client::Client;
use crate::message::{Class, HEADER_BYTES, Method, Transaction, XorAddress, attribute};

/// A socket for relayed data, of one allocation and family. Numbers are not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelayId {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
    pub(crate) family: Family,
}

impl RelayId {
    /// IPv4 or IPv6.
    #[must_use]
    pub fn family(self) -> Family {
        self.family
    }

    /// Which place among the allocations it belongs to: below [`Config::allocations`] at any
    /// time, so that the shell can keep its sockets in a list.
    ///
    /// [`Config::allocations`]: crate::Config::allocations
    #[must_use]
    pub fn slot(self) -> usize {
        self.slot as usize
    }
}

/// What is not on the path of relayed data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send a STUN message to a client.
    Send {
        /// To whom.
        client: Client,
        /// The whole message, which needs no padding on a stream.
        message: Vec<u8>,
    },
    /// Open a UDP socket of this family, then call [`opened`](crate::Server::opened) or
    /// [`failed`](crate::Server::failed).
    Open {
        /// What the socket is for.
        relay: RelayId,
        /// Whether its port must be even (EVEN-PORT, RFC 8656 §7.2).
        even_port: bool,
    },
    /// Close that socket.
    Close(RelayId),
    /// Close a client's TCP or TLS connection: its allocation has expired.
    Hangup(Client),
}

/// A datagram to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToPeer<'a> {
    /// The socket to send it from.
    pub relay: RelayId,
    /// Where to.
    pub peer: SocketAddr,
    /// If `peer` is a relayed address of this server: its socket and the address that the
    /// datagram comes from. The shell should call
    /// [`handle_peer`](crate::Server::handle_peer) with both instead of sending it: that is
    /// faster, and works where a NAT before the machine does not send packets back.
    pub own: Option<(RelayId, SocketAddr)>,
    /// What to send: a part of what the client sent.
    pub data: &'a [u8],
}

/// The most that stands before data for a client: a Data indication from an IPv6 peer.
pub const MAX_PREFIX_BYTES: usize = HEADER_BYTES + 24 + 4;

/// What stands before data for a client: the header of ChannelData, or a Data indication up to
/// the contents of DATA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    bytes: [u8; MAX_PREFIX_BYTES],
    len: u8,
}

impl Prefix {
    /// The bytes, 4 for ChannelData.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// `None` if the data is too long for the field that says so.
    pub(crate) fn channel_data(number: crate::ChannelNumber, data_len: usize) -> Option<Self> {
        let mut bytes = [0; MAX_PREFIX_BYTES];
        let header = channel_data::header(number, data_len)?;
        bytes[..channel_data::HEADER_BYTES].copy_from_slice(&header);
        Some(Self { bytes, len: channel_data::HEADER_BYTES as u8 })
    }

    /// The same for a Data indication (RFC 8656 §11.4).
    pub(crate) fn indication(
        transaction: Transaction,
        peer: SocketAddr,
        data_len: usize,
    ) -> Option<Self> {
        let peer = XorAddress::new(peer, &transaction);
        let address = peer.as_bytes();
        let [_, address_len] = u16::try_from(address.len()).ok()?.to_be_bytes();
        let attributes = 4 + address.len() + 4 + data_len.next_multiple_of(4);
        let attributes = u16::try_from(attributes).ok()?;
        let data_len = u16::try_from(data_len).ok()?;
        let header =
            crate::message::header(Class::Indication, Method::Data, attributes, transaction);
        let mut prefix = Self { bytes: [0; MAX_PREFIX_BYTES], len: 0 };
        prefix.push(&header);
        prefix.push(&attribute::XOR_PEER_ADDRESS.to_be_bytes());
        prefix.push(&[0, address_len]);
        prefix.push(address);
        prefix.push(&attribute::DATA.to_be_bytes());
        prefix.push(&data_len.to_be_bytes());
        Some(prefix)
    }

    fn push(&mut self, bytes: &[u8]) {
        let at = usize::from(self.len);
        if let Some(place) = self.bytes.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
            self.len += bytes.len() as u8;
        }
    }
}

/// A datagram of a peer for a client: prefix, the datagram's bytes, and so many zeros.
///
/// The server does not touch the data. A shell reads it [`MAX_PREFIX_BYTES`] into a buffer and
/// calls [`frame_in`](Self::frame_in), or gathers the parts with a vectored write, or appends
/// them to what else goes to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToClient {
    /// To whom.
    pub client: Client,
    /// What goes first.
    pub prefix: Prefix,
    /// Zeros that go last, 0 to 3.
    pub padding: usize,
}

impl ToClient {
    /// Completes a message around data that stands at `data_at` in a buffer with room before and
    /// behind it, and gives out the whole. `None` if there is not the room: [`MAX_PREFIX_BYTES`]
    /// before and 3 behind are always enough.
    #[must_use]
    pub fn frame_in<'b>(
        &self,
        buffer: &'b mut [u8],
        data_at: usize,
        data_len: usize,
    ) -> Option<&'b [u8]> {
        let prefix = self.prefix.as_bytes();
        let from = data_at.checked_sub(prefix.len())?;
        let end = data_at + data_len;
        buffer.get_mut(end..end + self.padding)?.fill(0);
        buffer.get_mut(from..data_at)?.copy_from_slice(prefix);
        buffer.get(from..end + self.padding)
    }

    /// Appends the whole message to what else goes out.
    pub fn append_to(&self, out: &mut Vec<u8>, data: &[u8]) {
        out.extend_from_slice(self.prefix.as_bytes());
        out.extend_from_slice(data);
        out.resize(out.len() + self.padding, 0);
    }
}
