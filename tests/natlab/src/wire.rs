//! A long wire: what goes through it takes time. Between two TUN devices, one on a host and one
//! on its router, a thread for each direction keeps packets for a while.
//!
//! Not every kernel has netem, which would do the same. A packet socket on a virtual cable would
//! need no device of its own, but it sees packets before their checksums are computed.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tun_rs::{DeviceBuilder, InterruptEvent, SyncDevice};

use crate::lab::Lab;
use crate::machine::Machine;
use crate::plan::Side;

/// Packets on their way; more are lost, as in a router's queue. A second of 16 MB/s.
const MAX_ON_THE_WAY: usize = 16_384;

/// As on Ethernet.
const MTU: u16 = 1500;

/// A wire that is laid until it is dropped; then the host's packets take the cable again.
pub struct Wire {
    stop: Arc<InterruptEvent>,
    threads: Vec<JoinHandle<()>>,
}

impl Wire {
    /// Lays one between a side's host and its router. Each packet takes `delay`, in either
    /// direction, and up to `jitter` more; none overtakes another.
    ///
    /// # Panics
    /// When there is no `/dev/net/tun`.
    pub fn lay(lab: &Lab, side: Side, delay: Duration, jitter: Duration) -> Self {
        let name = format!("wire-{}", side.letter());
        let (host, router) = (lab.host(side), lab.router(side));
        let ends = [host, router].map(|machine| Arc::new(device(machine, &name)));
        let (mut there, mut back) = (Vec::new(), Vec::new());
        for address in lab.addresses(side) {
            let (metric, bits) = if address.is_ipv6() { (" metric 1", 128) } else { ("", 32) };
            there.push(format!("route add default dev {name} src {address}{metric}"));
            back.push(format!("route replace {address}/{bits} dev {name}"));
        }
        host.ip(&there);
        router.ip(&back);
        let stop = Arc::new(InterruptEvent::new().expect("there are descriptors left"));
        let threads = [(0, 1), (1, 0)].into_iter().flat_map(|(from, to)| {
            let (from, to) = (Arc::clone(&ends[from]), Arc::clone(&ends[to]));
            direction(from, to, delay, jitter, &stop)
        });
        Self { threads: threads.collect(), stop }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("threads", &self.threads).finish_non_exhaustive()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // The threads hold the devices, which take their routes with them.
        let _ = self.stop.trigger();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn device(machine: &Machine, name: &str) -> SyncDevice {
    machine.enter(|| {
        DeviceBuilder::new()
            .name(name)
            .mtu(MTU)
            .build_sync()
            .unwrap_or_else(|error| panic!("/dev/net/tun gives no device: {error}"))
    })
}

/// One thread takes packets in and stamps them, another gives them out.
fn direction(
    from: Arc<SyncDevice>,
    to: Arc<SyncDevice>,
    delay: Duration,
    jitter: Duration,
    stop: &Arc<InterruptEvent>,
) -> [JoinHandle<()>; 2] {
    let (sender, receiver) = sync_channel(MAX_ON_THE_WAY);
    let stop = Arc::clone(stop);
    let reader = thread::spawn(move || take_in(&from, &sender, delay, jitter, &stop));
    let writer = thread::spawn(move || give_out(&to, &receiver));
    [reader, writer]
}

fn take_in(
    from: &SyncDevice,
    sender: &SyncSender<(Instant, Vec<u8>)>,
    delay: Duration,
    jitter: Duration,
    stop: &InterruptEvent,
) {
    let mut buffer = [0; MTU as usize];
    let mut last = Instant::now();
    let mut seed = 0x9E37_79B9_u32;
    while let Ok(length) = from.recv_intr(&mut buffer, stop) {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let more = jitter.mul_f64(f64::from(seed >> 8) / f64::from(1 << 24));
        last = last.max(Instant::now() + delay + more);
        // One that has no room is lost.
        let _ = sender.try_send((last, buffer[..length].to_vec()));
    }
}

fn give_out(to: &SyncDevice, receiver: &Receiver<(Instant, Vec<u8>)>) {
    while let Ok((due, packet)) = receiver.recv() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        // The device's other end may be down.
        let _ = to.send(&packet);
    }
}
