//! One client of the hostile broker: packets go to the hub and back, letters past the judge.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use bytes::BytesMut;
use mqtt_protocol_core::mqtt::connection::RawPacket;
use tincan_wire::UserId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use crate::broker::{Fate, Inner};
use crate::letter::Posted;
use crate::packet::{
    CONNECT, PUBLISH, Packets, UNKNOWN_VERSION, bytes_of, puback, read_connect, read_publish,
};
use crate::person::PATIENCE;

/// Serves a client until either end is gone.
pub(crate) async fn serve(client: TcpStream, inner: Arc<Inner>) {
    // However it ends, the client sees its connection end and comes again.
    let _ended = try_serve(client, &inner).await;
}

async fn try_serve(mut client: TcpStream, inner: &Inner) -> Result<()> {
    let mut packets = Packets::new();
    let first = timeout(PATIENCE, first_packets(&mut client, &mut packets)).await??;
    let connect = first.first().context("no CONNECT")?;
    if connect.packet_type() != CONNECT {
        bail!("the first packet is no CONNECT");
    }
    let (level, user) = read_connect(connect)?;
    if inner.refuses(level) {
        client.write_all(&UNKNOWN_VERSION).await?;
        return Ok(());
    }
    let hub = timeout(PATIENCE, TcpStream::connect(inner.hub)).await??;
    let (serial, written) = inner.enter(user, level);
    let middle = Middle { client, hub, inner, user, level };
    let ended = middle.run(first, packets, written).await;
    inner.leave(user, serial);
    ended
}

async fn first_packets(client: &mut TcpStream, packets: &mut Packets) -> Result<Vec<RawPacket>> {
    let mut buffer = BytesMut::new();
    loop {
        if client.read_buf(&mut buffer).await? == 0 {
            bail!("the client has gone");
        }
        let found = packets.feed(&buffer.split())?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
}

/// Between a client and the hub.
struct Middle<'a> {
    client: TcpStream,
    hub: TcpStream,
    inner: &'a Inner,
    user: UserId,
    level: u8,
}

impl Middle<'_> {
    async fn run(
        mut self,
        first: Vec<RawPacket>,
        mut of_client: Packets,
        mut written: UnboundedReceiver<Vec<u8>>,
    ) -> Result<()> {
        self.pass_on(first).await?;
        let mut of_hub = Packets::new();
        let (mut from_client, mut from_hub) = (BytesMut::new(), BytesMut::new());
        loop {
            tokio::select! {
                read = self.client.read_buf(&mut from_client) => {
                    if read? == 0 {
                        return Ok(());
                    }
                    self.pass_on(of_client.feed(&from_client.split())?).await?;
                }
                read = self.hub.read_buf(&mut from_hub) => {
                    if read? == 0 {
                        return Ok(());
                    }
                    // Whole packets, so that what is written in between does not cut one.
                    for packet in of_hub.feed(&from_hub.split())? {
                        self.client.write_all(&bytes_of(&packet)).await?;
                    }
                }
                bytes = written.recv() => match bytes {
                    Some(bytes) => self.client.write_all(&bytes).await?,
                    None => return Ok(()),
                },
            }
        }
    }

    async fn pass_on(&mut self, packets: Vec<RawPacket>) -> Result<()> {
        for packet in packets {
            if packet.packet_type() == PUBLISH && !self.judge(&packet).await? {
                continue;
            }
            self.hub.write_all(&bytes_of(&packet)).await?;
        }
        Ok(())
    }

    /// Whether a letter goes on to the hub.
    async fn judge(&mut self, packet: &RawPacket) -> Result<bool> {
        let (letter, id) = read_publish(self.level, packet)?;
        match self.inner.post(Posted { from: self.user, letter }) {
            Fate::Pass => Ok(true),
            Fate::Withhold => {
                if let Some(id) = id {
                    self.client.write_all(&puback(id)).await?;
                }
                Ok(false)
            }
        }
    }
}
