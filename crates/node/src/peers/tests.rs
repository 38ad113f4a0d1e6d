//! Two shells' connections over real sockets on loopback, the test in the place of the engines.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::time::{sleep_until, timeout};

use super::*;

const SID: SessionId = SessionId([7; 16]);

struct Side {
    peers: Peers,
    udp: UdpSockets,
    inputs: Vec<PeerInput>,
}

impl Side {
    fn new() -> Self {
        Self::at(Ipv4Addr::LOCALHOST.into())
    }

    fn at(ip: IpAddr) -> Self {
        let mut udp = UdpSockets::bind().unwrap();
        udp.set_addresses([ip].into());
        Self { peers: Peers::default(), udp, inputs: Vec::new() }
    }

    fn tell(&mut self, output: PeerOutput) {
        let hosts = self.udp.host_addresses();
        self.peers.handle(Instant::now(), SID, output, &hosts);
        self.settle();
    }

    fn settle(&mut self) {
        loop {
            self.peers.flush(Instant::now(), &self.udp).expect("loopback has room");
            let before = self.inputs.len();
            while let Some((sid, input)) = self.peers.poll() {
                assert_eq!(sid, SID);
                self.inputs.push(input);
            }
            if before == self.inputs.len() {
                return;
            }
        }
    }

    fn turn(&mut self) {
        let now = Instant::now();
        let peers = &mut self.peers;
        self.udp.receive(|ours, theirs, bytes| peers.handle_datagram(now, ours, theirs, bytes));
        self.peers.handle_timeout(now, &self.udp);
        self.settle();
    }

    fn take<T>(&mut self, mut wanted: impl FnMut(&PeerInput) -> Option<T>) -> Option<T> {
        let at = self.inputs.iter().position(|input| wanted(input).is_some())?;
        wanted(&self.inputs.remove(at))
    }
}

/// Runs both until one input is there.
async fn until<T>(
    a: &mut Side,
    b: &mut Side,
    mut wanted: impl FnMut(&mut Side, &mut Side) -> Option<T>,
) -> T {
    let run = async {
        loop {
            if let Some(found) = wanted(a, b) {
                return found;
            }
            let soon = Instant::now() + Duration::from_millis(50);
            let deadline = [a.peers.deadline(), b.peers.deadline()].into_iter().flatten();
            let deadline = deadline.fold(soon, Instant::min);
            tokio::select! {
                () = a.udp.ready() => {}
                () = b.udp.ready() => {}
                () = sleep_until(deadline.into()) => {}
            }
            a.turn();
            b.turn();
        }
    };
    timeout(Duration::from_secs(20), run).await.expect("it happens in time")
}

fn offer(input: &PeerInput) -> Option<String> {
    match input {
        PeerInput::OfferReady { sdp, .. } => Some(sdp.clone()),
        _ => None,
    }
}

fn answer(input: &PeerInput) -> Option<String> {
    match input {
        PeerInput::AnswerReady { sdp, .. } => Some(sdp.clone()),
        _ => None,
    }
}

fn opened(input: &PeerInput) -> Option<()> {
    matches!(input, PeerInput::Opened).then_some(())
}

fn frame(input: &PeerInput) -> Option<Vec<u8>> {
    match input {
        PeerInput::Frame(bytes) => Some(bytes.clone()),
        _ => None,
    }
}

async fn pair() -> (Side, Side) {
    pair_at(Ipv4Addr::LOCALHOST.into()).await
}

/// Two that are connected over this address.
async fn pair_at(ip: IpAddr) -> (Side, Side) {
    let (mut a, mut b) = (Side::at(ip), Side::at(ip));
    a.tell(PeerOutput::Offer { relay_only: false });
    let sdp = a.take(offer).expect("the offer is ready at once");
    assert!(sdp.contains(&format!(" {ip} ")), "host candidates are in the offer: {sdp}");
    assert!(a.take(|input| matches!(input, PeerInput::CandidatesDone).then_some(())).is_some());
    b.tell(PeerOutput::Answer { sdp, relay_only: false });
    let sdp = b.take(answer).expect("the answer is ready at once");
    a.tell(PeerOutput::AcceptAnswer { sdp });
    until(&mut a, &mut b, |a, _| a.take(opened)).await;
    until(&mut a, &mut b, |_, b| b.take(opened)).await;
    (a, b)
}

#[tokio::test]
async fn frames_go_both_ways_and_the_path_is_told() {
    let (mut a, mut b) = pair().await;
    assert!(a.take(|input| matches!(input, PeerInput::Path(_)).then_some(())).is_some());
    a.tell(PeerOutput::Send("to b".to_owned()));
    b.tell(PeerOutput::Send("to a".to_owned()));
    assert_eq!(until(&mut a, &mut b, |_, b| b.take(frame)).await, b"to b");
    assert_eq!(until(&mut a, &mut b, |a, _| a.take(frame)).await, b"to a");
}

#[tokio::test]
async fn a_session_goes_over_ipv6_alone() {
    let ip = IpAddr::V6(Ipv6Addr::LOCALHOST);
    if !crate::udp::tests::has_ipv6() {
        return;
    }
    let (mut a, mut b) = pair_at(ip).await;
    let frames: Vec<String> = (0..20).map(|n| format!("{n:05}{}", "x".repeat(60_000))).collect();
    for frame in &frames {
        a.tell(PeerOutput::Send(frame.clone()));
    }
    for expected in &frames {
        let got = until(&mut a, &mut b, |_, b| b.take(frame)).await;
        assert_eq!(got, expected.as_bytes());
    }
    let path = |input: &PeerInput| match input {
        PeerInput::Path(path) => path.remote_address.parse::<SocketAddr>().ok(),
        _ => None,
    };
    assert_eq!(a.take(path).map(|address| address.ip()), Some(ip));
}

#[tokio::test]
async fn more_than_the_link_takes_at_once_waits_and_arrives_in_order() {
    let (mut a, mut b) = pair().await;
    let frames: Vec<String> = (0..60).map(|n| format!("{n:05}{}", "x".repeat(60_000))).collect();
    for frame in &frames {
        a.tell(PeerOutput::Send(frame.clone()));
    }
    for expected in &frames {
        let got = until(&mut a, &mut b, |_, b| b.take(frame)).await;
        assert_eq!(got, expected.as_bytes());
    }
    let drained = |input: &PeerInput| matches!(input, PeerInput::Buffered(0)).then_some(());
    until(&mut a, &mut b, |a, _| a.take(drained)).await;
}

#[tokio::test]
async fn ice_is_restarted_under_the_same_session() {
    let (mut a, mut b) = pair().await;
    a.tell(PeerOutput::RestartIce);
    let sdp = a.take(offer).unwrap();
    b.tell(PeerOutput::Answer { sdp, relay_only: false });
    let sdp = b.take(answer).unwrap();
    a.tell(PeerOutput::AcceptAnswer { sdp });
    b.tell(PeerOutput::Send("still here".to_owned()));
    assert_eq!(until(&mut a, &mut b, |a, _| a.take(frame)).await, b"still here");
    assert_eq!((a.peers.count(), b.peers.count()), (1, 1));
}

#[tokio::test]
async fn an_address_that_is_gone_is_left_for_the_new_one() {
    let (mut a, mut b) = pair().await;
    let new = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    a.udp.set_addresses([new].into());
    let hosts = a.udp.host_addresses();
    a.peers.network_changed(Instant::now(), &hosts);
    a.settle();
    a.tell(PeerOutput::RestartIce);
    let sdp = a.take(offer).expect("an offer at once");
    b.tell(PeerOutput::Answer { sdp, relay_only: false });
    let sdp = b.take(answer).expect("an answer at once");
    a.tell(PeerOutput::AcceptAnswer { sdp });
    a.tell(PeerOutput::Send("from the new address".to_owned()));
    until(&mut a, &mut b, |_, b| b.take(frame)).await;
    let ours = until(&mut a, &mut b, |_, b| {
        b.take(|input| match input {
            PeerInput::Path(path) => {
                let theirs: std::net::SocketAddr = path.remote_address.parse().ok()?;
                (theirs.ip() == new).then_some(theirs.ip())
            }
            _ => None,
        })
    })
    .await;
    assert_eq!(ours, new);
}

#[tokio::test]
async fn closing_lets_out_what_was_sent_and_tells_the_other_end() {
    let (mut a, mut b) = pair().await;
    a.tell(PeerOutput::Send("last words".to_owned()));
    a.tell(PeerOutput::Close);
    assert_eq!(until(&mut a, &mut b, |_, b| b.take(frame)).await, b"last words");
    let closed = |input: &PeerInput| matches!(input, PeerInput::Closed).then_some(());
    until(&mut a, &mut b, |_, b| b.take(closed)).await;
    until(&mut a, &mut b, |a, b| (a.peers.count() + b.peers.count() == 0).then_some(())).await;
    assert!(a.peers.deadline().is_none() && b.peers.deadline().is_none());
}

#[tokio::test]
async fn a_reader_that_stands_still_is_not_overrun() {
    let (mut a, mut b) = pair().await;
    b.tell(PeerOutput::Receive(false));
    a.tell(PeerOutput::Send("wait".to_owned()));
    b.turn();
    assert!(b.take(frame).is_none());
    b.tell(PeerOutput::Receive(true));
    assert_eq!(until(&mut a, &mut b, |_, b| b.take(frame)).await, b"wait");
}

#[tokio::test]
async fn datagrams_from_strangers_are_counted_and_harm_nobody() {
    let (mut a, mut b) = pair().await;
    let to = a.udp.host_addresses()[0];
    let stranger = UdpSockets::bind().unwrap();
    stranger.send_anywhere(to, &[22, 254, 253, 0, 0]);
    stranger.send_anywhere(to, b"hello");
    let counted =
        |a: &mut Side, _: &mut Side| (a.peers.dropped().get("udp_stray") == Some(&2)).then_some(());
    until(&mut a, &mut b, counted).await;
    b.tell(PeerOutput::Send("still here".to_owned()));
    assert_eq!(until(&mut a, &mut b, |a, _| a.take(frame)).await, b"still here");
}

#[tokio::test]
async fn nonsense_from_the_other_side_fails_that_session_only() {
    let mut a = Side::new();
    a.tell(PeerOutput::Answer { sdp: "nonsense".to_owned(), relay_only: false });
    let failed = |input: &PeerInput| matches!(input, PeerInput::Failed { .. }).then_some(());
    assert!(a.take(failed).is_some());
    a.tell(PeerOutput::Send("nobody".to_owned()));
    assert_eq!(a.peers.count(), 0);
}

#[tokio::test]
async fn another_certificate_than_the_announced_one_is_told_as_such() {
    let (mut a, mut b) = (Side::new(), Side::new());
    a.tell(PeerOutput::Offer { relay_only: false });
    let sdp = a.take(offer).unwrap();
    let at = sdp.find("a=fingerprint:sha-256 ").unwrap() + "a=fingerprint:sha-256 ".len();
    let other = if &sdp[at..at + 2] == "00" { "11" } else { "00" };
    let sdp = format!("{}{other}{}", &sdp[..at], &sdp[at + 2..]);
    b.tell(PeerOutput::Answer { sdp, relay_only: false });
    let sdp = b.take(answer).unwrap();
    a.tell(PeerOutput::AcceptAnswer { sdp });
    let other = |input: &PeerInput| matches!(input, PeerInput::OtherCertificate).then_some(());
    until(&mut a, &mut b, |_, b| b.take(other)).await;
    assert_eq!(b.peers.count(), 0);
}

#[tokio::test]
async fn a_fault_in_one_link_ends_it_alone() {
    let (mut a, mut b) = pair().await;
    let serial = *a.peers.peers.keys().next().unwrap();
    a.peers.peers.get_mut(&serial).unwrap().fault_for_test();
    a.peers.touched.insert(serial);
    a.settle();
    let failed = |input: &PeerInput| matches!(input, PeerInput::Failed { .. }).then_some(());
    assert!(a.take(failed).is_some());
    assert_eq!(a.peers.count(), 0);
    b.turn();
}
