//! What is kept of a client's call, so that repeating it gets the first answer.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ChangeSetError;
use crate::id::UserId;
use crate::label::{Label, Token};

/// Names one call of one client, so that repeating it gets the first answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReceiptKey {
    /// Whose call it is: keys of two callers never meet.
    pub caller: UserId,
    /// What was called, such as `reserve`.
    pub operation: Label<32>,
    /// The client's own idempotency key.
    pub key: Token,
}

impl fmt::Display for ReceiptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.caller, self.operation, self.key)
    }
}

/// SHA-256 over the parsed request, without tokens and times.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The fingerprint of a request: SHA-256 over its JSON.
    ///
    /// # Panics
    /// If the request's `Serialize` fails, which derived implementations without maps never do.
    pub fn of<T: Serialize + ?Sized>(request: &T) -> Self {
        use sha2::Digest;
        let json = serde_json::to_vec(request).expect("requests serialise");
        Self(sha2::Sha256::digest(json).into())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({})", data_encoding::HEXLOWER.encode(&self.0[..6]))
    }
}

/// The answer to a call: JSON of at most [`Response::MAX_BYTES`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Response(Arc<[u8]>);

impl Response {
    /// The longest answer that is kept.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// Encodes an answer.
    ///
    /// # Errors
    /// [`ChangeSetError::ResponseTooLong`] beyond [`Response::MAX_BYTES`].
    ///
    /// # Panics
    /// If the answer's `Serialize` fails, which derived implementations without maps never do.
    pub fn of<T: Serialize + ?Sized>(answer: &T) -> Result<Self, ChangeSetError> {
        Self::from_bytes(serde_json::to_vec(answer).expect("answers serialise"))
    }

    /// Wraps an answer that was kept.
    ///
    /// # Errors
    /// [`ChangeSetError::ResponseTooLong`] beyond [`Response::MAX_BYTES`].
    pub fn from_bytes(json: Vec<u8>) -> Result<Self, ChangeSetError> {
        if json.len() > Self::MAX_BYTES {
            return Err(ChangeSetError::ResponseTooLong { got: json.len() });
        }
        Ok(Self(json.into()))
    }

    /// The JSON, in UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({} bytes)", self.0.len())
    }
}

/// How far the call behind a receipt has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptState {
    /// Its intent is committed, its outcome is not known yet.
    InProgress,
    /// It was answered.
    Done(Response),
}

/// What the store keeps of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Which request it was.
    pub fingerprint: Fingerprint,
    /// How far it has come.
    pub state: ReceiptState,
    /// When it was first committed; the retention counts from here.
    pub created_at: DateTime<Utc>,
}
