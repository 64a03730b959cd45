//! BTP frames: what can be read is read without allocating, and is written in its one canonical form.

use btp_proto::{Frame, Protocol, Protocols};
use ilp_proto::oer::Reader;

use super::gauge::{allocated, without_allocating};

pub(crate) fn run(input: &[u8]) {
    match without_allocating(|| Frame::parse(input)) {
        Ok(frame) => {
            canonical(input, &frame);
            entries(input, frame.protocols());
            let shown = format!("{frame:?}");
            assert!(!shown.contains(char::is_control), "{shown:?}");
        }
        Err(error) => {
            assert!(error.offset <= input.len(), "{error}");
            let _ = error.to_string();
        }
    }
}

/// Asserts that a frame is written with the bytes it was read from, but for those that a reader ignores, and for the
/// time of an ERROR, which has several forms.
fn canonical(input: &[u8], frame: &Frame<'_>) {
    let mut out = vec![0; frame.encoded_len()];
    let mut room = &mut out[..];
    without_allocating(|| frame.encode(&mut room));
    assert!(room.is_empty(), "not as long as announced");
    let again = Frame::parse(&out).expect("what we write can be read");
    assert_eq!(again, *frame);
    let mut once_more = Vec::new();
    again.encode(&mut once_more);
    assert_eq!(once_more, out, "the canonical form is not the only one");
    assert_eq!(input[..5], out[..5]);
    let (written, read) = (contents(&out), contents(input));
    match frame {
        // the time is rewritten to 19 characters, and 15 is the shortest it has
        Frame::Error { .. } => assert!(written.len() <= read.len() + 4),
        _ => assert!(read.starts_with(written), "it is written otherwise"),
    }
    assert!(Frame::parse(&out[..out.len() - 1]).is_err());
}

fn contents(frame: &[u8]) -> &[u8] {
    let mut reader = Reader::new(&frame[5..]);
    reader.var_octets("data").unwrap()
}

fn entries(input: &[u8], protocols: Protocols<'_>) {
    let list: Vec<Protocol<'_>> = protocols.iter().collect();
    assert_eq!(list.len(), protocols.len());
    assert_eq!(protocols.iter().size_hint(), (list.len(), Some(list.len())));
    assert_eq!(protocols.first(), list.first().copied());
    assert_eq!(Protocols::new(&list), protocols);
    let (twice, bytes) = allocated(|| protocols.duplicate());
    // a name is 16 bytes in a list, and at least three in a frame
    assert!(bytes <= 16 * input.len(), "{bytes} bytes for a duplicate");
    let names: Vec<&str> = list.iter().map(|entry| entry.name).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(
        twice.is_some(),
        sorted.windows(2).any(|pair| pair[0] == pair[1])
    );
    if let Some(name) = twice {
        assert!(names.iter().filter(|other| **other == name).count() > 1);
    }
    for entry in list.iter().take(32) {
        assert_eq!(
            protocols.get(entry.name),
            list.iter().find(|other| other.name == entry.name).copied()
        );
    }
}
