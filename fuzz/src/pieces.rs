//! An input that is a sequence: what happens, one thing after the other.

/// At most so many pieces of an input are taken.
const MAX_PIECES: usize = 64;

/// Cuts an input into pieces: a kind, a length of two bytes, and so many bytes, or what is left.
pub(crate) fn pieces(mut data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (head, rest) = data.split_first_chunk::<3>()?;
        let length = usize::from(u16::from_be_bytes([head[1], head[2]])).min(rest.len());
        let (bytes, after) = rest.split_at(length);
        data = after;
        Some((head[0], bytes))
    })
    .take(MAX_PIECES)
}

/// The input that is cut into these pieces.
pub fn sequence(pieces: &[(u8, &[u8])]) -> Vec<u8> {
    let mut data = Vec::new();
    for (kind, bytes) in pieces {
        data.push(*kind);
        data.extend(u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes());
        data.extend(*bytes);
    }
    data
}
