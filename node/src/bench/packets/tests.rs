use std::net::{Ipv4Addr, TcpListener, TcpStream};

use super::*;

/// Two sockets that are each other's peer.
fn sockets() -> (Socket, Socket) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let a = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (b, _) = listener.accept().unwrap();
    (Socket::new(a).unwrap(), Socket::new(b).unwrap())
}

/// Sends what waits at `from` and reads one message at `to`.
fn carry(from: &mut Socket, to: &mut Socket) -> Vec<u8> {
    loop {
        from.flush().unwrap();
        to.fill().unwrap();
        if let Some(message) = to.next().unwrap() {
            return to.bytes(message).to_vec();
        }
    }
}

struct Fixture {
    deck: Deck,
    sender: Sender,
    tally: Tally,
    near: Socket,
    far: Socket,
}

impl Fixture {
    fn new() -> Self {
        let to: Address = "test.b.bob".parse().unwrap();
        let deck = Deck::new([7; 28], &to, usual_data(&to), 1);
        let (near, far) = sockets();
        let mut sender = Sender::new(&deck);
        sender.refresh();
        Self {
            sender,
            deck,
            tally: Tally::new(),
            near,
            far,
        }
    }

    /// The frame of a PREPARE, as it arrives.
    fn request(&mut self) -> Vec<u8> {
        let deck = &self.deck;
        self.sender.send(deck, &mut self.near, 5, &mut self.tally);
        carry(&mut self.near, &mut self.far)
    }

    /// What the receiver says to a request.
    fn reply(&mut self, request: &[u8]) -> Vec<u8> {
        receive(&self.deck, request, &mut self.tally).send(&self.deck, &mut self.far);
        carry(&mut self.far, &mut self.near)
    }

    fn answer(&mut self, reply: &[u8]) -> Option<u64> {
        self.sender.answer(&self.deck, reply, &mut self.tally)
    }
}

#[test]
fn a_request_is_fulfilled_once() {
    let mut f = Fixture::new();
    let request = f.request();
    assert_eq!(request.len(), USUAL_FRAME);
    let reply = f.reply(&request);
    assert_eq!((f.answer(&reply), f.tally.fulfilled), (Some(5), 1));
    assert!(f.tally.is_good());
    // a second answer is to no request
    assert_eq!((f.answer(&reply), f.tally.wrong), (None, 1));
    assert!(!f.tally.is_good());
}

#[test]
fn a_wrong_fulfillment_is_not_taken() {
    let mut f = Fixture::new();
    let request = f.request();
    let mut reply = f.reply(&request);
    let at = f.deck.fulfillment_at;
    reply[at + 31] ^= 1;
    f.answer(&reply);
    assert_eq!((f.tally.fulfilled, f.tally.wrong), (0, 1));
    assert!(f.tally.reasons.contains_key("a wrong fulfillment"));
}

#[test]
fn an_amount_and_a_time_may_change_on_the_way_but_nothing_else() {
    let mut f = Fixture::new();
    let request = f.request();
    let mut other_amount = request.clone();
    other_amount[f.deck.expiry_at - 1] ^= 1;
    let reply = f.reply(&other_amount);
    assert_eq!((f.answer(&reply), f.tally.fulfilled), (Some(5), 1));

    for at in [f.deck.condition_at, f.deck.data_at + MIN_DATA] {
        let mut changed = f.request();
        changed[at] ^= 1;
        let reply = f.reply(&changed);
        f.answer(&reply);
    }
    assert_eq!((f.tally.strange, f.tally.rejected), (2, 2));
}

#[test]
fn an_answer_in_another_form_is_read_all_the_same() {
    let mut f = Fixture::new();
    let request = f.request();
    let reply = f.reply(&request);
    let id = u32::from_be_bytes(*reply[1..].first_chunk().unwrap());
    let preimage = *reply[f.deck.fulfillment_at..].first_chunk().unwrap();
    let fulfill = Fulfill {
        fulfillment: Fulfillment(preimage),
        data: b"more",
    };
    let mut other = BytesMut::new();
    put_ilp_frame(&mut other, Carrier::Response, id, fulfill.encoded_len());
    fulfill.encode(&mut other);
    assert_eq!((f.answer(&other), f.tally.fulfilled), (Some(5), 1));
}

#[test]
fn what_is_no_packet_is_answered_but_counts_for_nothing() {
    let mut f = Fixture::new();
    let mut frame = BytesMut::new();
    Frame::Message {
        id: 9,
        protocols: Protocols::EMPTY,
    }
    .encode(&mut frame);
    let reply = f.reply(&frame);
    assert!(matches!(
        Frame::parse(&reply),
        Ok(Frame::Error { id: 9, .. })
    ));
    assert_eq!(f.tally.strange, 0);
}
