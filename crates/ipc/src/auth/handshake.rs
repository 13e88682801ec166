//! The handshake: both sides show that they have the key, and neither shows it.
//!
//! | message | from | what |
//! | --- | --- | --- |
//! | challenge | listener | head, 32 random bytes |
//! | proof | client | head, 32 random bytes, HMAC-SHA256(key, context, "client", challenge, head and random bytes of the proof) |
//! | welcome | listener | head, HMAC-SHA256(key, context, "listener", challenge, head and random bytes of the proof) |
//! | refusal | listener, in place of the welcome | head, 32 times 0 |
//!
//! A head is `MAGIC`, a version, the kind of the message and two bytes of 0.
//!
//! Invariant: whoever has not the key gets no further. Each side's proof covers what both sides have chosen at random, so an old
//! one is of no use, and its role, so a challenge that is sent back brings no proof of the other role. Proofs are compared in constant
//! time. There is one algorithm and nothing to agree upon, so nothing to talk a peer down to.
//! A side reads one message of a length that it knows before and sends at most one for it: what a peer sends is never a length.
//! Pure: bytes in, bytes out; the random bytes come from the caller.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What every message of it begins with.
pub(crate) const MAGIC: [u8; 4] = *b"ipcA";
const VERSION: u8 = 1;

/// What the proofs are about, so that one of another protocol with the same key is none here.
const CONTEXT: &[u8] = b"ipc handshake, version 1";

const HEAD: usize = 8;
const NONCE: usize = 32;
const MAC: usize = 32;

/// The longest message.
pub(crate) const LONGEST: usize = PROOF;

const CHALLENGE: usize = HEAD + NONCE;
const PROOF: usize = HEAD + NONCE + MAC;
const VERDICT: usize = HEAD + MAC;

/// Random bytes that no other handshake has.
pub(crate) type Nonce = [u8; NONCE];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Challenge = 1,
    Proof = 2,
    Welcome = 3,
    Refusal = 4,
}

/// The side that a proof is of.
#[derive(Clone, Copy)]
enum Role {
    Client,
    Listener,
}

/// Why a handshake has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The message is none of this protocol, or not the one that comes next.
    Malformed,
    /// The peer has another key.
    WrongKey,
    /// The peer says that our key is another one.
    Refused,
}

/// A message to send.
pub(crate) type Message = Vec<u8>;

/// The listener's side.
pub(crate) struct Listening {
    challenge: [u8; CHALLENGE],
}

impl Listening {
    /// How many bytes the client's only message has.
    pub(crate) const EXPECTS: usize = PROOF;

    pub(crate) fn new(nonce: Nonce) -> Self {
        let mut challenge = [0; CHALLENGE];
        challenge[..HEAD].copy_from_slice(&head(Kind::Challenge));
        challenge[HEAD..].copy_from_slice(&nonce);
        Self { challenge }
    }

    /// What the listener sends first.
    pub(crate) fn challenge(&self) -> &[u8] {
        &self.challenge
    }

    /// The welcome for a client that has proved the key.
    pub(crate) fn welcome(&self, key: &[u8], proof: &[u8]) -> Result<Message, Failure> {
        let proof: &[u8; PROOF] = proof.try_into().map_err(|_| Failure::Malformed)?;
        let (chosen, mac) = proof.split_at(HEAD + NONCE);
        if chosen[..HEAD] != head(Kind::Proof) {
            return Err(Failure::Malformed);
        }
        code(key, Role::Client, &self.challenge, chosen)
            .verify_slice(mac)
            .map_err(|_| Failure::WrongKey)?;
        let mac = code(key, Role::Listener, &self.challenge, chosen);
        Ok([&head(Kind::Welcome)[..], &mac.finalize().into_bytes()].concat())
    }

    /// What a client gets that has proved another key.
    pub(crate) fn refusal() -> Message {
        [&head(Kind::Refusal)[..], &[0; MAC]].concat()
    }
}

/// The client's side, after the challenge.
pub(crate) struct Connecting {
    challenge: [u8; CHALLENGE],
    chosen: [u8; HEAD + NONCE],
}

impl Connecting {
    /// How many bytes the challenge has.
    pub(crate) const EXPECTS: usize = CHALLENGE;

    /// How many bytes the answer to the proof has.
    pub(crate) const EXPECTS_THEN: usize = VERDICT;

    /// Reads a challenge; the proof to send.
    pub(crate) fn prove(key: &[u8], challenge: &[u8], nonce: Nonce) -> Result<(Self, Message), Failure> {
        let challenge: &[u8; CHALLENGE] = challenge.try_into().map_err(|_| Failure::Malformed)?;
        if challenge[..HEAD] != head(Kind::Challenge) {
            return Err(Failure::Malformed);
        }
        let mut chosen = [0; HEAD + NONCE];
        chosen[..HEAD].copy_from_slice(&head(Kind::Proof));
        chosen[HEAD..].copy_from_slice(&nonce);
        let mac = code(key, Role::Client, challenge, &chosen);
        let proof = [&chosen[..], &mac.finalize().into_bytes()].concat();
        let challenge = *challenge;
        Ok((Self { challenge, chosen }, proof))
    }

    /// Reads the answer to the proof: whether the listener has the key, too.
    pub(crate) fn finish(&self, key: &[u8], verdict: &[u8]) -> Result<(), Failure> {
        let verdict: &[u8; VERDICT] = verdict.try_into().map_err(|_| Failure::Malformed)?;
        let (verdict_head, mac) = verdict.split_at(HEAD);
        if verdict_head == head(Kind::Refusal) {
            return Err(Failure::Refused);
        }
        if verdict_head != head(Kind::Welcome) {
            return Err(Failure::Malformed);
        }
        code(key, Role::Listener, &self.challenge, &self.chosen)
            .verify_slice(mac)
            .map_err(|_| Failure::WrongKey)
    }
}

fn head(kind: Kind) -> [u8; HEAD] {
    let [m0, m1, m2, m3] = MAGIC;
    [m0, m1, m2, m3, VERSION, kind as u8, 0, 0]
}

fn code(key: &[u8], role: Role, challenge: &[u8; CHALLENGE], chosen: &[u8]) -> Hmac<Sha256> {
    let Ok(mut code) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC takes a key of any length")
    };
    code.update(CONTEXT);
    code.update(match role {
        Role::Client => b"client  ",
        Role::Listener => b"listener",
    });
    code.update(challenge);
    code.update(chosen);
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"a key";

    fn handshake(listeners: &[u8], clients: &[u8]) -> (Result<Message, Failure>, Result<(), Failure>) {
        let listening = Listening::new([1; NONCE]);
        let (connecting, proof) = Connecting::prove(clients, listening.challenge(), [2; NONCE]).unwrap();
        let welcome = listening.welcome(listeners, &proof);
        let answer = welcome.clone().unwrap_or_else(|_| Listening::refusal());
        (welcome, connecting.finish(clients, &answer))
    }

    #[test]
    fn the_same_key_is_welcome_and_another_is_refused() {
        for key in [KEY, b"", &[7; 1000]] {
            let (welcome, finished) = handshake(key, key);
            assert_eq!((welcome.is_ok(), finished), (true, Ok(())));
        }
        for (ours, theirs) in [(KEY, &b"another"[..]), (KEY, b""), (b"", KEY), (b"k", b"k\x01")] {
            let (welcome, finished) = handshake(ours, theirs);
            assert_eq!(welcome, Err(Failure::WrongKey));
            assert_eq!(finished, Err(Failure::Refused));
        }
    }

    #[test]
    fn a_listener_without_the_key_is_found_out() {
        let listening = Listening::new([1; NONCE]);
        let (connecting, proof) = Connecting::prove(KEY, listening.challenge(), [2; NONCE]).unwrap();
        let (_, of_another) = Connecting::prove(b"another", listening.challenge(), [2; NONCE]).unwrap();
        let welcome = listening.welcome(b"another", &of_another).unwrap();
        assert_eq!(connecting.finish(KEY, &welcome), Err(Failure::WrongKey));
        // Nor is the client's own proof one of the listener.
        let reflected = [&head(Kind::Welcome)[..], &proof[HEAD + NONCE..]].concat();
        assert_eq!(connecting.finish(KEY, &reflected), Err(Failure::WrongKey));
    }

    #[test]
    fn a_challenge_sent_back_brings_no_proof_of_a_client() {
        // A stranger that wants to be taken for a client asks the same listener, or another client, to prove.
        let listening = Listening::new([1; NONCE]);
        let another = Listening::new([3; NONCE]);
        let (_, proof) = Connecting::prove(KEY, another.challenge(), [2; NONCE]).unwrap();
        assert_eq!(listening.welcome(KEY, &proof), Err(Failure::WrongKey));
        let welcome = another.welcome(KEY, &proof).unwrap();
        let forged = [&proof[..HEAD + NONCE], &welcome[HEAD..]].concat();
        assert_eq!(another.welcome(KEY, &forged), Err(Failure::WrongKey));
        assert_eq!(
            listening.welcome(KEY, listening.challenge()),
            Err(Failure::Malformed)
        );
    }

    #[test]
    fn not_one_bit_of_a_message_may_be_another_one() {
        let listening = Listening::new([1; NONCE]);
        let (connecting, proof) = Connecting::prove(KEY, listening.challenge(), [2; NONCE]).unwrap();
        let welcome = listening.welcome(KEY, &proof).unwrap();
        for bit in 0..proof.len() * 8 {
            let mut changed = proof.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            listening.welcome(KEY, &changed).unwrap_err();
        }
        for bit in 0..welcome.len() * 8 {
            let mut changed = welcome.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            connecting.finish(KEY, &changed).unwrap_err();
        }
        for bit in 0..HEAD * 8 {
            let mut changed = listening.challenge().to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                Connecting::prove(KEY, &changed, [2; NONCE]).err(),
                Some(Failure::Malformed)
            );
        }
        for cut in 0..proof.len() {
            assert_eq!(listening.welcome(KEY, &proof[..cut]), Err(Failure::Malformed));
        }
        let longer = [&proof[..], &[0]].concat();
        assert_eq!(listening.welcome(KEY, &longer), Err(Failure::Malformed));
    }

    /// The code is what RFC 2104 and FIPS 180-4 say, whoever computes it:
    /// `hmac.digest(b"a key", b"ipc handshake, version 1" + b"client  " + challenge + proof[:40], "sha256")` in Python.
    #[test]
    fn the_codes_are_the_standards() {
        let listening = Listening::new([1; NONCE]);
        let (_, proof) = Connecting::prove(KEY, listening.challenge(), [2; NONCE]).unwrap();
        let shown: String = proof[HEAD + NONCE..]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            shown,
            "fffcc2a3bf07bc28a890b99dc856abb4562cb85a43fe5e3ed1e87b7ebcebe5e3"
        );
    }
}
