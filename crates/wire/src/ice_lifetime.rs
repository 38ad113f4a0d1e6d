//! For how long the credentials of a hub's STUN and TURN servers serve (protocol §10).

/// No credential is taken to be good for longer, in seconds: a day.
pub const MAX_TTL: u64 = 24 * 3_600;

/// The wait before a renewal that failed is tried again, in seconds.
pub const AGAIN: u64 = 60;

/// In how many seconds to ask for new credentials, of which the hub said that they live so many:
/// at 80 % of their life, but neither at once nor never. From 48 to 69,120.
#[must_use]
pub const fn renew_after(ttl: u64) -> u64 {
    let ttl = if ttl < 60 { 60 } else { ttl };
    let ttl = if ttl > MAX_TTL { MAX_TTL } else { ttl };
    ttl * 4 / 5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_an_hour_are_renewed_twelve_minutes_before_its_end() {
        assert_eq!(renew_after(3_600), 3_600 - 720);
    }

    #[test]
    fn a_life_of_nothing_does_not_ask_at_once() {
        assert_eq!(renew_after(0), 48);
    }

    #[test]
    fn a_life_without_end_is_a_day() {
        assert_eq!(renew_after(u64::MAX), renew_after(MAX_TTL));
    }
}
