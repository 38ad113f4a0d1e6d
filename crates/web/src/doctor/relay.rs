//! One way to a relay: two connections of this page that may use nothing else, and a word
//! through it and back.

use tincan_doctor::{Fault, Relayed, Way};
use web_sys::RtcSdpType;

use super::probe::{Happening, Probe};
use super::since;
use crate::clock::steady_ms;
use crate::hub::IceServer;

/// How a relay's URL says to reach it.
pub(super) fn way(url: &str) -> Way {
    if url.starts_with("turns:") {
        Way::TurnTls
    } else if url.ends_with("transport=tcp") {
        Way::TurnTcp
    } else {
        Way::TurnUdp
    }
}

pub(super) async fn try_one(server: IceServer) -> Result<Relayed, Fault> {
    let servers = [server];
    let (mut one, mut other) = (Probe::new(&servers, true)?, Probe::new(&servers, true)?);
    let began = steady_ms();
    one.offer().await?;
    let is_private = gather(&mut one).await?;
    let allocated = since(began);
    let broken = || Fault::Other("the browser has no description of its own".to_owned());
    other.answer(&one.description().ok_or_else(broken)?).await?;
    gather(&mut other).await?;
    one.take(RtcSdpType::Answer, &other.description().ok_or_else(broken)?).await?;
    let talk = super::within(talk(&mut one, &mut other)).await;
    match talk {
        Some(returned) => Ok(Relayed { allocated, returned: returned? }),
        None if is_private => Err(Fault::RelayedInPrivate),
        None => Err(Fault::NothingRelayed),
    }
}

/// Waits for an address on the relay; tells whether it is a private one. A browser may go on
/// looking for long, on networks that lead nowhere: one address is enough.
async fn gather(probe: &mut Probe) -> Result<bool, Fault> {
    loop {
        match probe.next().await {
            Some(Happening::Found(found)) if found.kind == "relay" => {
                return Ok(found.address.is_some_and(|at| is_private(at.ip())));
            }
            Some(Happening::Found(_) | Happening::Opened | Happening::Message) => {}
            Some(Happening::Gathered) | None => return Err(Fault::TimedOut),
        }
    }
}

/// Until a word is there and another is back.
async fn talk(one: &mut Probe, other: &mut Probe) -> Result<std::time::Duration, Fault> {
    until(one, |happening| matches!(happening, Happening::Opened)).await?;
    let sent = steady_ms();
    one.send()?;
    until(other, |happening| matches!(happening, Happening::Message)).await?;
    other.send()?;
    until(one, |happening| matches!(happening, Happening::Message)).await?;
    Ok(since(sent))
}

async fn until(probe: &mut Probe, wanted: impl Fn(&Happening) -> bool) -> Result<(), Fault> {
    while let Some(happening) = probe.next().await {
        if wanted(&happening) {
            return Ok(());
        }
    }
    Err(Fault::Broken)
}

fn is_private(ip: std::net::IpAddr) -> bool {
    match ip {
        std::net::IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        std::net::IpAddr::V6(ip) => ip.is_unique_local() || ip.is_loopback(),
    }
}
