//! Identifiers: one newtype per thing, so that one cannot be passed for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::port::IdGenerator;

/// The text is not a UUID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: expected a uuid, got {got:?}")]
pub struct InvalidId {
    /// The kind of id that was expected.
    pub what: &'static str,
    /// The text that was given, cut to 64 characters.
    pub got: String,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id from the port that makes them.
            pub fn generate(ids: &dyn IdGenerator) -> Self {
                Self(ids.next_id())
            }

            /// Wraps a UUID that was made elsewhere, such as one read from a database.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside.
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId {
                    what: stringify!($name),
                    got: text.chars().take(64).collect(),
                })
            }
        }
    )*};
}

ids! {
    /// A place with sections of seats.
    VenueId;
    /// Who sells a show and is owed its money.
    SellerId;
    /// A title sold by a seller.
    ShowId;
    /// One dated showing.
    PerformanceId;
    /// A buyer.
    UserId;
    /// A buyer's right to pay for seats until a deadline.
    ReservationId;
    /// The saga from reservation to payment.
    CheckoutId;
    /// Money in, by one tender mix. Also the order id at the gateway.
    PaymentId;
    /// Money back, over the same tenders.
    RefundId;
    /// Proof of one confirmed seat.
    TicketId;
    /// One journal entry of the ledger.
    EntryId;
    /// One decision's writes; sending it again under this id is safe.
    ChangeSetId;
    /// One hold on seats. Time-ordered: it carries the instant of the first hold.
    HoldToken;
    /// Leave to enter, given by the waiting room.
    AdmissionId;
}

impl HoldToken {
    /// When the hold was first taken, read from the UUIDv7 inside (millisecond precision).
    /// `None` if the token is not a UUIDv7.
    pub fn first_held_at(&self) -> Option<chrono::DateTime<chrono::Utc>> {
        let (seconds, nanos) = self.0.get_timestamp()?.to_unix();
        chrono::DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_id_says_what_was_expected() {
        let error = "seat-7".parse::<PaymentId>().unwrap_err();
        assert_eq!(error.to_string(), r#"PaymentId: expected a uuid, got "seat-7""#);
    }

    #[test]
    fn text_and_id_round_trip() {
        let id = PaymentId::from_uuid(Uuid::from_u128(7));
        assert_eq!(id.to_string().parse::<PaymentId>().unwrap(), id);
    }
}
