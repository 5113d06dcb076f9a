//! Signatures with keys that this system holds itself.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::port::TokenSigner;

/// Why a key was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Too short to be safe, or longer than the hash takes without hashing it first.
    #[error(
        "expected a key of {} to {} bytes, got {got}",
        SigningKey::BYTES_MIN,
        SigningKey::BYTES_MAX
    )]
    Length {
        /// How many bytes it had.
        got: usize,
    },
    /// More keys than a ring holds.
    #[error("expected at most {} older keys, got one more", KeyRing::OLDER_MAX)]
    TooMany,
}

/// A secret of 32 to 64 random bytes. Never shown, not even by `Debug`.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// The fewest bytes: the strength of the signature.
    pub const BYTES_MIN: usize = 32;
    /// The most bytes: one block of the hash.
    pub const BYTES_MAX: usize = 64;

    /// Takes the bytes of a key.
    ///
    /// # Errors
    /// [`KeyError::Length`] outside of 32 to 64 bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, KeyError> {
        let got = bytes.len();
        if !(Self::BYTES_MIN..=Self::BYTES_MAX).contains(&got) {
            return Err(KeyError::Length { got });
        }
        Hmac::new_from_slice(bytes).map(Self).map_err(|_| KeyError::Length { got })
    }

    fn mac(&self, message: &[u8]) -> Hmac<Sha256> {
        self.0.clone().chain_update(message)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// The key that signs, and older ones that are still trusted.
#[derive(Clone, Debug)]
pub struct KeyRing {
    current: SigningKey,
    older: Vec<SigningKey>,
}

impl KeyRing {
    /// The most older keys: every check tries all of them.
    pub const OLDER_MAX: usize = 7;

    /// A ring of one key.
    pub const fn new(current: SigningKey) -> Self {
        Self { current, older: Vec::new() }
    }

    /// Also trusts what was signed with an older key.
    ///
    /// # Errors
    /// [`KeyError::TooMany`] beyond [`Self::OLDER_MAX`].
    pub fn trusting(mut self, older: SigningKey) -> Result<Self, KeyError> {
        if self.older.len() == Self::OLDER_MAX {
            return Err(KeyError::TooMany);
        }
        self.older.push(older);
        Ok(self)
    }
}

/// HMAC-SHA256: 32 bytes of signature. Anyone who can check can also sign, so the keys stay inside.
#[derive(Clone, Debug)]
pub struct HmacSigner {
    keys: KeyRing,
}

impl HmacSigner {
    /// Signs with the ring's current key.
    pub const fn new(keys: KeyRing) -> Self {
        Self { keys }
    }
}

impl TokenSigner for HmacSigner {
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.keys.current.mac(message).finalize().into_bytes().to_vec()
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        // `verify_slice` compares in constant time, and no key is skipped: the time tells neither
        // where a forgery differs nor which key a genuine signature belongs to.
        let keys = std::iter::once(&self.keys.current).chain(&self.keys.older);
        keys.fold(false, |is_good, key| is_good | key.mac(message).verify_slice(signature).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SigningKey {
        SigningKey::new(&[byte; 32]).unwrap()
    }

    #[test]
    fn the_signature_is_hmac_sha256() {
        // RFC 4231, test case 4 with its 25-byte key is too short here; case 3 has the same shape.
        let data = [0xdd; 50];
        let signer = HmacSigner::new(KeyRing::new(SigningKey::new(&[0xaa; 64]).unwrap()));
        let by_hand = {
            use sha2::Digest;
            let inner = Sha256::new().chain_update([0xaa ^ 0x36; 64]).chain_update(data).finalize();
            Sha256::new().chain_update([0xaa ^ 0x5c; 64]).chain_update(inner).finalize()
        };
        assert_eq!(signer.sign(&data), by_hand.to_vec());
    }

    #[test]
    fn a_rotated_key_is_trusted_until_it_is_dropped() {
        let old = HmacSigner::new(KeyRing::new(key(1)));
        let signature = old.sign(b"message");
        let rotated = HmacSigner::new(KeyRing::new(key(2)).trusting(key(1)).unwrap());
        assert!(rotated.verify(b"message", &signature));
        assert_ne!(rotated.sign(b"message"), signature);
        let dropped = HmacSigner::new(KeyRing::new(key(2)));
        assert!(!dropped.verify(b"message", &signature));
    }

    #[test]
    fn a_weak_key_or_too_many_are_refused_with_what_was_expected() {
        let error = SigningKey::new(&[7; 31]).unwrap_err();
        assert_eq!(error.to_string(), "expected a key of 32 to 64 bytes, got 31");
        assert_eq!(SigningKey::new(&[7; 65]).unwrap_err(), KeyError::Length { got: 65 });
        let full = (0..7).try_fold(KeyRing::new(key(0)), |ring, n| ring.trusting(key(n))).unwrap();
        assert_eq!(full.trusting(key(9)).unwrap_err(), KeyError::TooMany);
    }

    #[test]
    fn debug_shows_no_key() {
        let signer = HmacSigner::new(KeyRing::new(key(0xab)).trusting(key(0xcd)).unwrap());
        let shown = format!("{signer:?} {signer:#?}").to_lowercase();
        for secret in ["ab, ab", "171", "abab", "205", "cdcd"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
