//! What every [`TokenSigner`] must do.

use std::sync::Arc;

use super::Harness;
use super::suite::suite;
use crate::port::TokenSigner;

suite! { $ signer: dyn TokenSigner => signer_conformance {
    accepts_its_own,
    refuses_any_change,
} }

/// What was signed is accepted, whatever its length; a signature has 16 to 64 bytes.
pub async fn accepts_its_own(h: &Harness, port: &Arc<dyn TokenSigner>) {
    let id = h.ids().next_id();
    for length in [0, 1, 16, 63, 64, 65, 1_000] {
        let message: Vec<u8> = id.as_bytes().iter().copied().cycle().take(length).collect();
        let signature = port.sign(&message);
        assert!((16..=64).contains(&signature.len()), "{} bytes", signature.len());
        assert!(port.verify(&message, &signature), "refused its own over {length} bytes");
    }
}

/// A message or a signature that differs in one bit, or in length, is refused.
pub async fn refuses_any_change(h: &Harness, port: &Arc<dyn TokenSigner>) {
    let message = [*h.ids().next_id().as_bytes(), *h.ids().next_id().as_bytes()].concat();
    let signature = port.sign(&message);
    let flipped = |bytes: &[u8], bit: usize| {
        let mut bytes = bytes.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    };
    for bit in 0..message.len() * 8 {
        assert!(!port.verify(&flipped(&message, bit), &signature), "bit {bit} of the message");
    }
    for bit in 0..signature.len() * 8 {
        assert!(!port.verify(&message, &flipped(&signature, bit)), "bit {bit} of the signature");
    }
    for length in 0..signature.len() {
        assert!(!port.verify(&message, &signature[..length]), "only {length} bytes of signature");
        assert!(!port.verify(&message, &signature[length + 1..]), "the signature's end");
    }
    for length in 0..message.len() {
        assert!(!port.verify(&message[..length], &signature), "only {length} bytes of message");
    }
    assert!(!port.verify(&[&message[..], &[0]].concat(), &signature), "a longer message");
    assert!(!port.verify(&message, &[&signature[..], &[0]].concat()), "a longer signature");
    assert!(!port.verify(&message, &port.sign(b"")), "another message's signature");
}
