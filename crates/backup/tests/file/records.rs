//! Properties: any records survive, and any bytes are read without harm.

use proptest::prelude::*;
use tincan_backup::{Decoder, Encoder, Log, Record};
use tincan_engine::{Contact, ContactStatus, MessageKind, MessageView, Time};
use tincan_wire::{DisplayName, LogId, MessageId, Ranges, UserId};

use crate::samples::{all, installation, user};
use crate::{read_in_pieces, write};

const NUMBER: u64 = 1 << 53;

fn any_user() -> impl Strategy<Value = UserId> {
    (1..6_u8).prop_map(user)
}

fn any_time() -> impl Strategy<Value = Time> {
    (0..=NUMBER).prop_map(Time::from_millis)
}

fn any_name() -> impl Strategy<Value = DisplayName> {
    any::<String>().prop_map(|text| DisplayName::clean(&text))
}

fn any_id() -> impl Strategy<Value = MessageId> {
    (any::<u64>(), any::<[u8; 10]>()).prop_map(|(time, random)| MessageId::new(time, random))
}

fn any_log_id() -> impl Strategy<Value = LogId> {
    "[a-z0-9]{8}".prop_map(|text| text.parse().unwrap())
}

fn any_ranges() -> impl Strategy<Value = Ranges> {
    prop::collection::vec((0..NUMBER / 2, 0..1_000_u64), 0..20).prop_map(|list| {
        let mut ranges = Ranges::new();
        list.iter().for_each(|(first, more)| ranges.insert_range(*first, first + more));
        ranges
    })
}

prop_compose! {
    fn any_contact()(
        id in any_user(),
        status in prop::sample::select(vec![
            ContactStatus::Requested,
            ContactStatus::Accepted,
            ContactStatus::Declined,
            ContactStatus::Blocked,
        ]),
        name in any_name(),
        nickname in prop::option::of(any_name()),
        verified in any::<bool>(),
        prekey in prop::option::of((1..9_u8, any_time())),
        token in prop::option::of(any::<[u8; 16]>()),
        asked in prop::option::of(any_time()),
        read_receipts in any::<Option<bool>>(),
        relay_only in any::<Option<bool>>(),
        added in any_time(),
    ) -> Contact {
        let prekey = prekey.map(|(seed, at)| (crate::samples::prekey(seed), at));
        let token = token.map(tincan_wire::InviteToken);
        Contact { id, status, name, nickname, verified, prekey, token, asked, read_receipts, relay_only, added }
    }
}

prop_compose! {
    fn any_talk()(
        contact in any_user(),
        own in any::<bool>(),
        lg in any_log_id(),
        held in any_ranges(),
        read in 0..=NUMBER,
        messages in prop::collection::vec(
            (any_id(), 1..=NUMBER, 0..=NUMBER - (1 << 32), 0..=NUMBER, any::<bool>(),
             any::<String>(), prop::option::of((0..4_u8, any_id()))),
            0..10,
        ),
    ) -> Vec<Record> {
        let log = Log { contact, own, lg, held, read };
        let mut records = vec![Record::Log(log.clone())];
        for (id, s, h, timestamp, failed, content, target) in messages {
            let kind = match target {
                None => MessageKind::Text { reply: None },
                Some((0, target)) => MessageKind::Edit { target },
                Some((1, target)) => MessageKind::Delete { target },
                Some((2, target)) => MessageKind::React { target },
                Some((_, target)) => MessageKind::Text { reply: Some(target) },
            };
            let state = log.delivery(s, failed && own);
            records.push(Record::Message(MessageView {
                contact, outgoing: own, id, lg, s, h, timestamp, kind, content, state,
            }));
        }
        records
    }
}

fn take(decoder: &mut Decoder, limit: usize) -> usize {
    (0..limit).take_while(|_| matches!(decoder.next(), Ok(Some(_)))).count()
}

proptest! {
    #[test]
    fn any_records_survive(
        contacts in prop::collection::vec(any_contact(), 0..5),
        talk in any_talk(),
        size in 1..200_usize,
    ) {
        let mut records = vec![installation()];
        records.extend(contacts.into_iter().map(Record::Contact));
        records.extend(talk);
        prop_assert_eq!(read_in_pieces(&write(&records), size), Ok(records));
    }

    #[test]
    fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let mut decoder = Decoder::default();
        decoder.push(&bytes);
        take(&mut decoder, bytes.len() + 1);
    }

    #[test]
    fn what_is_read_from_spoiled_records_is_written_as_it_was(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let (mut encoder, mut bytes) = (Encoder::default(), Vec::new());
        all().iter().for_each(|record| encoder.push(record, &mut bytes).unwrap());
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let (mut decoder, mut encoder, mut again) =
            (Decoder::default(), Encoder::default(), Vec::new());
        decoder.push(&bytes);
        while let Ok(Some(record)) = decoder.next() {
            // The same log twice may be read, but is not written.
            if encoder.push(&record, &mut again).is_err() {
                return Ok(());
            }
        }
        prop_assert!(bytes.starts_with(&again));
    }
}
