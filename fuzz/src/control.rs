//! The control socket: what a node reads of its clients, and a client of its node.

use tincan_node::fuzzing::{ControlRequest, ControlScreen, Told, answers_last, control_lines};

/// A bound on lines that small inputs exceed.
pub const LONGEST_LINE: usize = 256;

/// Requests of the client that wait for their answers.
const WAITING: u64 = 8;

/// A stream of lines, read through a buffer of as many bytes as the first byte says: no line is
/// lost, read twice or longer than it may be, a request or an answer that is understood is the
/// same when it is written and read again, and no request is answered twice.
pub fn control(data: &[u8]) {
    let Some((buffer, stream)) = data.split_first() else { return };
    let (lines, refused) = control_lines(stream, usize::from(*buffer), LONGEST_LINE);
    assert_eq!((lines, refused), split(stream));
    let mut screen = ControlScreen::new(WAITING);
    let mut answered = Vec::new();
    // Whole, too: what is understood may be longer than this bound.
    for line in stream.split(|byte| *byte == b'\n').chain([stream]) {
        request(line);
        let told = screen.read(line);
        assert!(told.len() <= 1, "one line says one thing");
        for told in told {
            if let Told::Done(id, _) | Told::Refused(id, _) = told {
                assert!((1..=WAITING).contains(&id) && !answered.contains(&id), "{id}");
                answered.push(id);
            }
            heard(&told);
        }
    }
}

/// The lines of a stream up to one that is too long, and whether there is one.
fn split(stream: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut lines: Vec<Vec<u8>> = stream.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let too_long = lines.iter().position(|line| line.len() > LONGEST_LINE);
    // Without one, the last piece has no end, so it is no line.
    lines.truncate(too_long.unwrap_or(lines.len() - 1));
    (lines, too_long.is_some())
}

fn request(line: &[u8]) {
    if let Some(request) = ControlRequest::read(line) {
        let again = request.line().expect("what was read can be written");
        assert!(!again.contains('\n'));
        assert_eq!(ControlRequest::read(again.as_bytes()), Some(request), "{again}");
    }
}

fn heard(told: &Told) {
    let line = told.line().expect("what was read can be written");
    assert!(!line.contains('\n'));
    let again = ControlScreen::new(WAITING).read(line.as_bytes());
    match told {
        // Any JSON may stand here, and a fraction may be read a little off. No answer has one.
        Told::Done(id, answer) => {
            assert!(matches!(again[..], [Told::Done(of, _)] if of == *id), "{line}");
            assert!(answers_last(answer), "{answer}");
        }
        _ => assert_eq!(again, std::slice::from_ref(told), "{line}"),
    }
}
