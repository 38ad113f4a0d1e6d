//! The shell's errors as the doctor's words.

use tincan_doctor::Fault;
use tincan_mqtt::{CloseReason, Refusal};
use tincan_relay::turn_client::TurnError;

use crate::broker::TrialError;
use crate::dial::DialError;
use crate::hub_client::HttpError;

pub(super) fn of_dial(error: DialError) -> Fault {
    match error {
        DialError::Resolve { .. } => Fault::Resolve,
        DialError::Refused { .. } => Fault::Refused,
        DialError::TimedOut { .. } => Fault::TimedOut,
        DialError::Unreachable { .. } => Fault::Unreachable,
        DialError::UnknownCertificate { .. } => Fault::UnknownCertificate,
        DialError::CertificateExpired { .. } => Fault::CertificateExpired,
        DialError::CertificateNotYetValid { .. } => Fault::CertificateNotYetValid,
        DialError::CertificateForAnotherName { .. } => Fault::CertificateForAnotherName,
        DialError::WrongKey { .. } => Fault::WrongKey,
        DialError::AuthorityAsServer { .. } => Fault::AuthorityAsServer,
        DialError::CaFile { reason, .. } => Fault::CaFile(reason),
        DialError::NoRelay { .. } => Fault::NoRelay,
        DialError::Tls { reason, .. } => Fault::Tls(reason),
        DialError::NoWebSocket { .. } | DialError::NoMqtt { .. } => Fault::NoWebSocket,
        DialError::Io { reason, .. } | DialError::WebSocket { reason, .. } => Fault::Other(reason),
    }
}

pub(super) fn of_http(error: HttpError) -> Fault {
    match error {
        HttpError::Dial(error) => of_dial(error),
        HttpError::TimedOut { .. } => Fault::TimedOut,
        HttpError::Broken { .. } => Fault::Broken,
        HttpError::NeedsTls { .. } => Fault::NeedsTls,
        HttpError::Status { status, .. } => Fault::Status(status),
        HttpError::NotHttp { .. } | HttpError::TooLarge { .. } | HttpError::Content { .. } => {
            Fault::NotAHub
        }
    }
}

pub(super) fn of_trial(error: TrialError) -> Fault {
    match error {
        TrialError::Dial(error) => of_dial(error),
        TrialError::Refused(Refusal::BadCredentials | Refusal::NotAuthorized, text) => {
            Fault::NotAdmitted(text)
        }
        TrialError::Refused(Refusal::UnsupportedVersion, _) => Fault::NotABroker,
        TrialError::Refused(Refusal::ServerUnavailable | Refusal::Other(_), text) => {
            Fault::Turned(text)
        }
        TrialError::NotSubscribed => Fault::NotSubscribed,
        TrialError::Closed(CloseReason::ConnectTimeout | CloseReason::PingTimeout) => {
            Fault::TimedOut
        }
        TrialError::Closed(CloseReason::ProtocolError(_)) => Fault::NotABroker,
        TrialError::Closed(
            CloseReason::Transport
            | CloseReason::AckTimeout
            | CloseReason::ServerDisconnect(_)
            | CloseReason::TakenOver,
        ) => Fault::Broken,
    }
}

pub(super) fn of_turn(error: TurnError) -> Fault {
    match error {
        TurnError::Silence => Fault::TimedOut,
        TurnError::Credential => Fault::Credential,
        TurnError::Full(_) => Fault::Full,
        TurnError::Refused(code, reason) => Fault::Turned(format!("{code} {reason}")),
        TurnError::Nonsense => Fault::Turned("its answer makes no sense".to_owned()),
    }
}
