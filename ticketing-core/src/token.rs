//! The text form of what is signed: a tag that says what it is and in which version, then base64url
//! of a payload of fixed length and its signature.

use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;

use crate::port::TokenSigner;

const SIGNATURE_BYTES_MIN: usize = 16;
const SIGNATURE_BYTES_MAX: usize = 64;

/// What a token is. The tag is signed along, so that one kind is never taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind<const PAYLOAD: usize> {
    /// Four characters of base64url's alphabet; another layout of the payload needs another one.
    pub(crate) tag: &'static str,
}

/// The text is no token of this kind, whoever signed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// A token whose form was checked, but not its signature. No `Debug`: who has the text may use it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Sealed<const PAYLOAD: usize>(Arc<str>);

impl<const PAYLOAD: usize> Kind<PAYLOAD> {
    /// Signs a payload.
    pub(crate) fn seal(self, payload: &[u8; PAYLOAD], signer: &dyn TokenSigner) -> Sealed<PAYLOAD> {
        let signature = signer.sign(&self.message(payload));
        let body = [payload.as_slice(), &signature].concat();
        Sealed(format!("{}{}", self.tag, BASE64URL_NOPAD.encode(&body)).into())
    }

    /// Checks the form of a text.
    pub(crate) fn parse(self, text: &str) -> Result<Sealed<PAYLOAD>, Malformed> {
        self.split(text).map(|_| Sealed(text.into()))
    }

    /// The payload, if the signer signed it as this kind.
    pub(crate) fn open(
        self,
        sealed: &Sealed<PAYLOAD>,
        signer: &dyn TokenSigner,
    ) -> Option<[u8; PAYLOAD]> {
        let (payload, signature) = self.split(sealed.as_str()).ok()?;
        signer.verify(&self.message(&payload), &signature).then_some(payload)
    }

    fn split(self, text: &str) -> Result<([u8; PAYLOAD], Vec<u8>), Malformed> {
        let body = text.strip_prefix(self.tag).ok_or(Malformed)?;
        // Bounded before anything is decoded.
        let bytes_max = PAYLOAD + SIGNATURE_BYTES_MAX;
        if body.len() > BASE64URL_NOPAD.encode_len(bytes_max) {
            return Err(Malformed);
        }
        let bytes = BASE64URL_NOPAD.decode(body.as_bytes()).map_err(|_| Malformed)?;
        if !(PAYLOAD + SIGNATURE_BYTES_MIN..=bytes_max).contains(&bytes.len()) {
            return Err(Malformed);
        }
        let (payload, signature) = bytes.split_first_chunk::<PAYLOAD>().ok_or(Malformed)?;
        Ok((*payload, signature.to_vec()))
    }

    fn message(self, payload: &[u8; PAYLOAD]) -> Vec<u8> {
        [b"ticketing:", self.tag.as_bytes(), b":", payload.as_slice()].concat()
    }
}

impl<const PAYLOAD: usize> Sealed<PAYLOAD> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reads the fields of a payload, one after the other.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    /// The next `N` bytes.
    ///
    /// # Panics
    /// Beyond the payload, whose length its kind fixes.
    pub(crate) fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_first_chunk::<N>().expect("a field inside the payload");
        self.0 = rest;
        *field
    }
}

/// A public text type around [`Sealed`]: parsed by its form, read from JSON the same way.
macro_rules! sealed_text {
    ($(#[$doc:meta])* $name:ident, $kind:expr, $payload:expr, $refusal:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub struct $name($crate::token::Sealed<{ $payload }>);

        impl $name {
            /// Checks the form of a text, not yet its signature.
            ///
            /// # Errors
            #[doc = concat!("[`", stringify!($refusal), "::Malformed`].")]
            pub fn parse(text: &str) -> Result<Self, $refusal> {
                $kind.parse(text).map(Self).map_err(|_| $refusal::Malformed)
            }

            /// The text to hand out.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }

        impl std::str::FromStr for $name {
            type Err = $refusal;

            fn from_str(text: &str) -> Result<Self, $refusal> {
                Self::parse(text)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use sealed_text;
