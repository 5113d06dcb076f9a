//! Admissions: signed leave to hold seats of one performance, given to one user for a while.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::id::{AdmissionId, PerformanceId, UserId};
use crate::port::TokenSigner;
use crate::token::{Fields, Kind, sealed_text};

/// Leave to enter, as the waiting room gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Which.
    pub id: AdmissionId,
    /// To whom.
    pub user: UserId,
    /// To what.
    pub performance: PerformanceId,
    /// From when on it is no longer good. The token keeps microseconds.
    pub expires_at: DateTime<Utc>,
}

const PAYLOAD: usize = 3 * 16 + 8;
const KIND: Kind<PAYLOAD> = Kind { tag: "adm1" };

/// Why an admission was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdmissionRefusal {
    /// The text is no admission at all.
    #[error("expected an admission token")]
    Malformed,
    /// We did not sign it, or not as an admission.
    #[error("the admission's signature is not ours")]
    BadSignature,
    /// It is another user's.
    #[error("the admission was given to another user")]
    OtherUser,
    /// It is for another performance.
    #[error("the admission is for performance {admitted_to}")]
    OtherPerformance {
        /// The one it is for.
        admitted_to: PerformanceId,
    },
    /// It was good once.
    #[error("the admission expired at {at}")]
    Expired {
        /// Since when it is not.
        at: DateTime<Utc>,
    },
}

sealed_text! {
    /// An [`Admission`] as its user keeps it: at most 164 characters of `A-Z a-z 0-9 - _`. Who has the
    /// text may use it, together with the user's own login; `Debug` hides it.
    AdmissionToken, KIND, PAYLOAD, AdmissionRefusal
}

impl Admission {
    /// Signs it.
    pub fn sign(&self, signer: &dyn TokenSigner) -> AdmissionToken {
        let mut payload = [0; PAYLOAD];
        payload[..16].copy_from_slice(self.id.as_uuid().as_bytes());
        payload[16..32].copy_from_slice(self.user.as_uuid().as_bytes());
        payload[32..48].copy_from_slice(self.performance.as_uuid().as_bytes());
        payload[48..].copy_from_slice(&self.expires_at.timestamp_micros().to_be_bytes());
        AdmissionToken(KIND.seal(&payload, signer))
    }
}

impl AdmissionToken {
    /// What it says, if we signed it, for this user and this performance, and it is good at `now`.
    ///
    /// # Errors
    /// [`AdmissionRefusal`]; whose it is and what for is only told of a genuine one.
    pub fn verify(
        &self,
        signer: &dyn TokenSigner,
        user: UserId,
        performance: PerformanceId,
        now: DateTime<Utc>,
    ) -> Result<Admission, AdmissionRefusal> {
        let payload = KIND.open(&self.0, signer).ok_or(AdmissionRefusal::BadSignature)?;
        let mut fields = Fields(&payload);
        let admission = Admission {
            id: AdmissionId::from_uuid(Uuid::from_bytes(fields.take())),
            user: UserId::from_uuid(Uuid::from_bytes(fields.take())),
            performance: PerformanceId::from_uuid(Uuid::from_bytes(fields.take())),
            expires_at: DateTime::from_timestamp_micros(i64::from_be_bytes(fields.take()))
                .ok_or(AdmissionRefusal::Malformed)?,
        };
        if admission.user != user {
            return Err(AdmissionRefusal::OtherUser);
        }
        if admission.performance != performance {
            return Err(AdmissionRefusal::OtherPerformance { admitted_to: admission.performance });
        }
        if now >= admission.expires_at {
            return Err(AdmissionRefusal::Expired { at: admission.expires_at });
        }
        Ok(admission)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;
    use crate::signing::{HmacSigner, KeyRing, SigningKey};

    fn signer(key: u8) -> HmacSigner {
        HmacSigner::new(KeyRing::new(SigningKey::new(&[key; 32]).unwrap()))
    }

    fn admission(seed: u128, expires_us: i64) -> Admission {
        Admission {
            id: AdmissionId::from_uuid(Uuid::from_u128(seed)),
            user: UserId::from_uuid(Uuid::from_u128(seed.rotate_left(31))),
            performance: PerformanceId::from_uuid(Uuid::from_u128(seed.rotate_left(67))),
            expires_at: DateTime::from_timestamp_micros(expires_us).unwrap(),
        }
    }

    fn read(
        text: &str,
        given: &Admission,
        now: DateTime<Utc>,
    ) -> Result<Admission, AdmissionRefusal> {
        AdmissionToken::parse(text)?.verify(&signer(1), given.user, given.performance, now)
    }

    #[test]
    fn it_is_good_for_its_user_and_performance_until_it_expires() {
        let given = admission(77, 1_000_000);
        let token = given.sign(&signer(1));
        let before = given.expires_at - TimeDelta::microseconds(1);
        assert_eq!(read(token.as_str(), &given, before), Ok(given));
        assert_eq!(
            read(token.as_str(), &given, given.expires_at),
            Err(AdmissionRefusal::Expired { at: given.expires_at })
        );
        let other = admission(78, 0);
        assert_eq!(
            token.verify(&signer(1), other.user, given.performance, before),
            Err(AdmissionRefusal::OtherUser)
        );
        assert_eq!(
            token.verify(&signer(1), given.user, other.performance, before),
            Err(AdmissionRefusal::OtherPerformance { admitted_to: given.performance })
        );
        assert_eq!(
            token.verify(&signer(2), given.user, given.performance, before),
            Err(AdmissionRefusal::BadSignature)
        );
    }

    #[test]
    fn the_text_form_does_not_change_under_its_tag() {
        let token = admission(77, 1_000_000).sign(&signer(1));
        let text = token.as_str();
        assert_eq!(
            text,
            "adm1AAAAAAAAAAAAAAAAAAAATQAAAAAAAAAAAAAAJoAAAAAAAAAAAAACaAAAAAAAAAAAAAAAAAAPQkDy3zpXPuzif6N0uRpvsEqKCDZQh63Un_Kt-NGLIA1HKw",
        );
    }

    #[test]
    fn the_token_is_in_json_and_not_in_debug() {
        let token = admission(77, 1_000_000).sign(&signer(1));
        let json = serde_json::to_string(&token).unwrap();
        assert_eq!(json, format!("{:?}", token.as_str()));
        assert_eq!(serde_json::from_str::<AdmissionToken>(&json).unwrap(), token);
        assert!(serde_json::from_str::<AdmissionToken>(r#""adm1""#).is_err());
        assert_eq!(format!("{token:?}"), "AdmissionToken(..)");
    }

    proptest! {
        #[test]
        fn every_admission_reads_back(seed: u128, expires_us in 1_i64..1 << 52) {
            let given = admission(seed, expires_us);
            let token = given.sign(&signer(1));
            prop_assert_eq!(read(token.as_str(), &given, DateTime::UNIX_EPOCH), Ok(given));
        }

        #[test]
        fn any_changed_byte_is_refused(seed: u128, at: prop::sample::Index, byte in 0_u8..128) {
            let given = admission(seed, 1);
            let mut bytes = given.sign(&signer(1)).as_str().as_bytes().to_vec();
            let at = at.index(bytes.len());
            prop_assume!(bytes[at] != byte);
            bytes[at] = byte;
            let text = String::from_utf8(bytes).unwrap();
            let refusal = read(&text, &given, DateTime::UNIX_EPOCH).unwrap_err();
            prop_assert!(
                matches!(refusal, AdmissionRefusal::Malformed | AdmissionRefusal::BadSignature),
                "{refusal:?}"
            );
        }

        #[test]
        fn any_text_is_refused_without_harm(text in "(adm1)?[ -~가]{0,300}") {
            prop_assert!(read(&text, &admission(1, 1), DateTime::UNIX_EPOCH).is_err());
        }
    }
}
