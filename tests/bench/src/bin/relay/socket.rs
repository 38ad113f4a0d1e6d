//! A socket that is read in batches, so that what asks is not what is measured.

use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use anyhow::Result;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};

/// The most that the kernel puts into one buffer.
const BUFFER_BYTES: usize = 64 * 1024;

/// What is asked of the kernel, which may grant less.
const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// One that never waits.
#[derive(Debug)]
pub(crate) struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
    buffers: Vec<Vec<u8>>,
}

impl Socket {
    pub(crate) fn open() -> Result<Self> {
        let io = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let sock = socket2::SockRef::from(&io);
        sock.set_recv_buffer_size(SOCKET_BUFFER_BYTES)?;
        sock.set_send_buffer_size(SOCKET_BUFFER_BYTES)?;
        let state = UdpSocketState::new(UdpSockRef::from(&io))?;
        Ok(Self { io, state, buffers: vec![vec![0; BUFFER_BYTES]; BATCH_SIZE] })
    }

    pub(crate) fn address(&self) -> Result<SocketAddr> {
        Ok(self.io.local_addr()?)
    }

    /// Sends a datagram, or several of this size.
    pub(crate) fn send(
        &self,
        destination: SocketAddr,
        contents: &[u8],
        segment_size: Option<usize>,
    ) -> io::Result<()> {
        let segment_size = segment_size.filter(|size| *size < contents.len());
        let transmit = Transmit { destination, ecn: None, contents, segment_size, src_ip: None };
        self.state.try_send(UdpSockRef::from(&self.io), &transmit)
    }

    /// Hands out what is there; gives how many datagrams that were.
    pub(crate) fn receive(&mut self, mut each: impl FnMut(&[u8])) -> Result<u64> {
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        let mut buffers = self.buffers.iter_mut();
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] = std::array::from_fn(|_| {
            IoSliceMut::new(buffers.next().map(Vec::as_mut_slice).unwrap_or_default())
        });
        let read = self.state.recv(UdpSockRef::from(&self.io), &mut slices, &mut metas);
        let count = match read {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error.into()),
        };
        let mut datagrams = 0;
        for (meta, buffer) in metas.iter().zip(&self.buffers).take(count) {
            let bytes = buffer.get(..meta.len).unwrap_or_default();
            for datagram in bytes.chunks(meta.stride.max(1)) {
                each(datagram);
                datagrams += 1;
            }
        }
        Ok(datagrams)
    }
}
