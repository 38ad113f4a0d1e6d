//! Somebody with an identity and without a node, whose letters the broker delivers.

use anyhow::{Result, ensure};
use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng as _;
use tincan_link::{Channel, Event, Role};
use tincan_wire::{
    Body, DeviceId, DisplayName, Envelope, Frame, FrameCodec, Hello, HelloTranscript, Identity,
    InviteProof, Leaf, MAX_FRAME_BYTES, PairSecret, PrekeySecret, SessionId, Signal, Stamp, Topic,
    UserId, seal,
};

use crate::broker::HostileBroker;
use crate::letter::Letter;
use crate::link_end::{LinkEnd, description};
use crate::person::Watched;
use crate::sealing::{Tag, open_plaintext, seal_plaintext, sign_plaintext};

/// The mark of their only run.
const RUN: u64 = 1 << 50;

/// What an envelope of 16 KiB has room for, without the field's name.
const LARGE_BODY_BYTES: usize = 11_900;

/// Somebody who makes letters by hand. All that they hold is their own.
pub struct Adversary {
    identity: Identity,
    rng: ChaCha12Rng,
    dev: DeviceId,
    prekey: PrekeySecret,
    seq: u64,
}

impl Adversary {
    /// One of many.
    pub fn new(number: u8) -> Self {
        Self::from_seed([number; 32])
    }

    /// One of very many.
    pub fn nth(number: u32) -> Self {
        let mut seed = [0x55; 32];
        seed[..4].copy_from_slice(&number.to_be_bytes());
        Self::from_seed(seed)
    }

    fn from_seed(seed: [u8; 32]) -> Self {
        let identity = Identity::from_seed(seed);
        let mut rng = ChaCha12Rng::from_seed(seed);
        let prekey = PrekeySecret::generate(&mut rng);
        let dev = DeviceId(std::array::from_fn(|at| seed[at]));
        Self { identity, rng, dev, prekey, seq: 0 }
    }

    /// From now on their letters come from this installation of theirs.
    pub fn use_device(&mut self, dev: DeviceId) {
        self.dev = dev;
    }

    /// Who.
    pub fn id(&self) -> UserId {
        self.identity.user_id()
    }

    /// Becomes a contact of somebody who invites them.
    pub async fn befriend(&mut self, broker: &HostileBroker, victim: &Watched) -> Result<()> {
        let invite = victim.invite().await?;
        let body = Body::ContactRequest {
            name: DisplayName::clean("Mallory"),
            proof: Some(InviteProof::new(&invite.token, &self.id(), &victim.id())),
            stamp: None,
            pk: self.prekey.public(),
        };
        let letter = self.letter_of_stranger(victim.id(), body)?;
        broker.deliver(victim.id(), &letter)?;
        victim.accepted(self.id()).await
    }

    /// A signal of theirs, as it would count.
    pub fn signal(&mut self, to: UserId, body: Body) -> Signal {
        self.seq += 1;
        let (from, dev) = (self.id(), self.dev);
        Signal { from, to, dev, ep: RUN, seq: self.seq, body }
    }

    /// A letter as a contact sends it.
    pub fn letter(&mut self, to: UserId, body: Body) -> Result<Letter> {
        let secret = PairSecret::derive(&self.identity, &to);
        self.sealed(to, body, Some(&secret))
    }

    /// A letter as a stranger sends it.
    pub fn letter_of_stranger(&mut self, to: UserId, body: Body) -> Result<Letter> {
        self.sealed(to, body, None)
    }

    fn sealed(&mut self, to: UserId, body: Body, tag: Option<&PairSecret>) -> Result<Letter> {
        let topic = Topic { user: to, leaf: body.leaf() };
        let signal = self.signal(to, body);
        let payload = seal(&mut self.rng, &self.identity, &topic, None, tag, &signal)?;
        Ok(Letter::new(&topic, payload))
    }

    /// A stranger's request with a stamp, which costs work.
    pub fn stamped_request(&mut self, to: UserId) -> Result<Letter> {
        let stamp = Some(Stamp::find(&self.id(), &to));
        let pk = self.prekey.public();
        let name = DisplayName::clean("a stranger");
        self.letter_of_stranger(to, Body::ContactRequest { name, proof: None, stamp, pk })
    }

    /// A letter as a contact sends it, as large as letters may be: a field that nobody knows fills
    /// what the body leaves.
    pub fn large_letter(&mut self, to: UserId, body: Body, tag: Tag) -> Result<Letter> {
        let topic = Topic { user: to, leaf: body.leaf() };
        let text = self.signal(to, body).to_json();
        let fill = "x".repeat(LARGE_BODY_BYTES.saturating_sub(text.len()));
        let rest = text.strip_prefix('{').unwrap_or_default();
        self.wrap(&topic, &format!("{{\"fill\":\"{fill}\",{rest}"), tag)
    }

    /// The text of a body that says it is from somebody, whether that is true or not.
    pub fn claim(&mut self, from: UserId, to: UserId, body: Body) -> String {
        Signal { from, ..self.signal(to, body) }.to_json()
    }

    /// A body of theirs, signed, and not sealed to anybody yet.
    pub fn signed(&mut self, to: UserId, body: Body) -> Result<Vec<u8>> {
        let topic = Topic { user: to, leaf: body.leaf() };
        let text = self.signal(to, body).to_json();
        sign_plaintext(&self.identity, &topic, &text)
    }

    /// A letter with this text for a body, signed by them for this topic.
    pub fn wrap(&mut self, topic: &Topic, text: &str, tag: Tag) -> Result<Letter> {
        let plaintext = sign_plaintext(&self.identity, topic, text)?;
        self.enclose(topic, &plaintext, tag)
    }

    /// A letter of theirs with a plaintext that somebody has signed.
    pub fn enclose(&mut self, topic: &Topic, plaintext: &[u8], tag: Tag) -> Result<Letter> {
        let payload = seal_plaintext(&mut self.rng, &self.identity, topic, plaintext, tag)?;
        Ok(Letter::new(topic, payload))
    }

    /// A live connection of theirs to a contact who knows them: they offer, and say hello.
    pub async fn connect(
        &mut self,
        broker: &HostileBroker,
        to: UserId,
        sid: SessionId,
    ) -> Result<LinkEnd> {
        let mut end = LinkEnd::new(Role::Offerer, sid).await?;
        let offer = end.offer()?;
        broker.deliver(to, &self.letter(to, offer.clone())?)?;
        let answer = self.receive(broker, 1, to, Leaf::Answer).await?;
        end.accept(&answer)?;
        ensure!(end.outcome().await? == Event::Connected, "no connection");
        let (offer, answer) = (description(&offer)?, description(&answer)?);
        let transcript = HelloTranscript {
            sid,
            offerer: self.id(),
            answerer: to,
            offerer_fp: offer.fp,
            answerer_fp: answer.fp,
            offer: HelloTranscript::hash_sdp(&offer.sdp),
            answer: HelloTranscript::hash_sdp(&answer.sdp),
        };
        let sig = transcript.sign(&self.identity, tincan_wire::Role::Offerer);
        let hello = Hello { sid, sig, caps: Vec::new(), max: MAX_FRAME_BYTES as u32 };
        let frame = FrameCodec::new(self.id(), to).encode(&Frame::Hello(hello))?;
        let mut once = Some(frame.into_bytes());
        end.pour(Channel::Chat, || once.take()).await?;
        Ok(end)
    }

    /// What somebody has sealed to them.
    pub fn read(&self, letter: &Letter) -> Result<Signal> {
        let topic: Topic = letter.topic.parse()?;
        Ok(Envelope::parse(&letter.payload)?.open(&topic, &self.identity, Some(&self.prekey))?)
    }

    /// The signed plaintext of what somebody has sealed to their prekey.
    pub fn unseal(&self, letter: &Letter) -> Result<Vec<u8>> {
        open_plaintext(&self.prekey, letter)
    }

    /// The next body that `from` sends them on this leaf.
    pub async fn receive(
        &self,
        broker: &HostileBroker,
        nth: usize,
        from: UserId,
        leaf: Leaf,
    ) -> Result<Body> {
        Ok(self.read(&broker.nth(nth, from, self.id(), leaf).await?)?.body)
    }
}
