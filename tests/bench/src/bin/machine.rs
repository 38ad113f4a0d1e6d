//! The raw limits of this machine: UDP over loopback with and without segmentation offload,
//! AES-128-GCM, and commits of SQLite.

use std::io::IoSliceMut;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use tincan_bench::{Target, figure};

/// One datagram of a data channel.
const DATAGRAM: usize = 1_200;
/// How long each figure is measured.
const SPAN: Duration = Duration::from_secs(2);

fn main() -> Result<()> {
    figure("machine: UDP, 1,200 bytes, one a call", udp(1)?, "MB/s", Target::None);
    figure("machine: UDP, 1,200 bytes, GSO and GRO", udp(32)?, "MB/s", Target::None);
    figure("machine: AES-128-GCM, 1,200 bytes", seal()?, "MB/s", Target::None);
    let folder = tempfile::tempdir_in(".").context("a folder on the project's disk")?;
    let commits = tincan_node::store::measure::raw_commits_per_second(folder.path(), SPAN)?;
    figure("machine: SQLite commits, WAL, synchronous=FULL", commits, "a second", Target::None);
    Ok(())
}

/// Megabytes a second that a receiver takes, `segments` datagrams a call.
fn udp(segments: usize) -> Result<f64> {
    let receiver = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket2::SockRef::from(&receiver).set_recv_buffer_size(8 << 20)?;
    receiver.set_read_timeout(Some(Duration::from_millis(200)))?;
    let to = receiver.local_addr()?;
    let over = Arc::new(AtomicBool::new(false));
    let sending = {
        let over = Arc::clone(&over);
        thread::spawn(move || send(&sender, to, segments, &over))
    };
    let rate = receive(&receiver, segments);
    over.store(true, Ordering::Relaxed);
    sending.join().map_err(|_| anyhow::anyhow!("the sender panicked"))??;
    rate
}

fn send(
    socket: &UdpSocket,
    to: std::net::SocketAddr,
    segments: usize,
    over: &AtomicBool,
) -> Result<()> {
    let contents = vec![7; DATAGRAM * segments];
    let state = UdpSocketState::new(UdpSockRef::from(socket))?;
    socket.set_nonblocking(false)?;
    let transmit = Transmit {
        destination: to,
        ecn: None,
        contents: &contents,
        segment_size: (segments > 1).then_some(DATAGRAM),
        src_ip: None,
    };
    while !over.load(Ordering::Relaxed) {
        // A full buffer is what is being measured.
        let _ = state.try_send(UdpSockRef::from(socket), &transmit);
    }
    Ok(())
}

fn receive(socket: &UdpSocket, segments: usize) -> Result<f64> {
    let (start, mut bytes) = (Instant::now(), 0);
    if segments == 1 {
        let mut buffer = [0; DATAGRAM];
        while start.elapsed() < SPAN {
            bytes += socket.recv(&mut buffer).unwrap_or(0);
        }
    } else {
        let state = UdpSocketState::new(UdpSockRef::from(socket))?;
        socket.set_nonblocking(false)?;
        let mut buffers = vec![vec![0; 65_536]; BATCH_SIZE];
        let mut metas = vec![RecvMeta::default(); BATCH_SIZE];
        while start.elapsed() < SPAN {
            let mut slices: Vec<_> = buffers.iter_mut().map(|b| IoSliceMut::new(b)).collect();
            let count = state.recv(UdpSockRef::from(socket), &mut slices, &mut metas).unwrap_or(0);
            bytes += metas.iter().take(count).map(|meta| meta.len).sum::<usize>();
        }
    }
    Ok(bytes as f64 / start.elapsed().as_secs_f64() / 1e6)
}

/// Megabytes a second that one core seals.
fn seal() -> Result<f64> {
    let key = UnboundKey::new(&AES_128_GCM, &[7; 16]).map_err(|_| anyhow::anyhow!("no key"))?;
    let key = LessSafeKey::new(key);
    let mut buffer = [7; DATAGRAM];
    let (start, mut count) = (Instant::now(), 0_u64);
    while start.elapsed() < SPAN {
        for _ in 0..1_000 {
            let nonce = Nonce::assume_unique_for_key([0; 12]);
            let _tag = key
                .seal_in_place_separate_tag(nonce, Aad::empty(), &mut buffer)
                .map_err(|_| anyhow::anyhow!("not sealed"))?;
            count += 1;
        }
    }
    Ok((count * DATAGRAM as u64) as f64 / start.elapsed().as_secs_f64() / 1e6)
}
