//! Ticket codes: what a door reads to know, without a database, that a ticket is genuine. Whether it
//! was used or voided only the store knows.

use uuid::Uuid;

use crate::id::{PerformanceId, TicketId};
use crate::port::TokenSigner;
use crate::seat::SeatNo;
use crate::token::{Fields, Kind, sealed_text};

/// What a ticket code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketClaims {
    /// The ticket.
    pub ticket: TicketId,
    /// The performance it is for.
    pub performance: PerformanceId,
    /// The seat.
    pub seat: SeatNo,
}

const PAYLOAD: usize = 2 * 16 + 4;
const KIND: Kind<PAYLOAD> = Kind { tag: "tkt1" };

/// Why a ticket code was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodeRefusal {
    /// The text is no ticket code at all.
    #[error("expected a ticket code")]
    Malformed,
    /// We did not sign it, or not as a ticket.
    #[error("the ticket code's signature is not ours")]
    BadSignature,
    /// It is for another performance.
    #[error("the ticket is for performance {issued_for}")]
    OtherPerformance {
        /// The one it is for.
        issued_for: PerformanceId,
    },
}

sealed_text! {
    /// [`TicketClaims`] as printed on a ticket: at most 138 characters of `A-Z a-z 0-9 - _`. Who has
    /// the text may use it; `Debug` hides it.
    TicketCode, KIND, PAYLOAD, CodeRefusal
}

impl TicketClaims {
    /// Signs them.
    pub fn sign(&self, signer: &dyn TokenSigner) -> TicketCode {
        let mut payload = [0; PAYLOAD];
        payload[..16].copy_from_slice(self.ticket.as_uuid().as_bytes());
        payload[16..32].copy_from_slice(self.performance.as_uuid().as_bytes());
        payload[32..].copy_from_slice(&self.seat.0.to_be_bytes());
        TicketCode(KIND.seal(&payload, signer))
    }
}

impl TicketCode {
    /// What it says, if we signed it and it is for this performance.
    ///
    /// # Errors
    /// [`CodeRefusal`]; what it is for is only told of a genuine one.
    pub fn verify(
        &self,
        signer: &dyn TokenSigner,
        performance: PerformanceId,
    ) -> Result<TicketClaims, CodeRefusal> {
        let payload = KIND.open(&self.0, signer).ok_or(CodeRefusal::BadSignature)?;
        let mut fields = Fields(&payload);
        let claims = TicketClaims {
            ticket: TicketId::from_uuid(Uuid::from_bytes(fields.take())),
            performance: PerformanceId::from_uuid(Uuid::from_bytes(fields.take())),
            seat: SeatNo(u32::from_be_bytes(fields.take())),
        };
        if claims.performance != performance {
            return Err(CodeRefusal::OtherPerformance { issued_for: claims.performance });
        }
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;
    use crate::admission::{Admission, AdmissionRefusal, AdmissionToken};
    use crate::id::{AdmissionId, UserId};
    use crate::signing::{HmacSigner, KeyRing, SigningKey};

    fn signer(key: u8) -> HmacSigner {
        HmacSigner::new(KeyRing::new(SigningKey::new(&[key; 32]).unwrap()))
    }

    fn claims(seed: u128, seat: u32) -> TicketClaims {
        TicketClaims {
            ticket: TicketId::from_uuid(Uuid::from_u128(seed)),
            performance: PerformanceId::from_uuid(Uuid::from_u128(seed.rotate_left(31))),
            seat: SeatNo(seat),
        }
    }

    fn read(text: &str, performance: PerformanceId) -> Result<TicketClaims, CodeRefusal> {
        TicketCode::parse(text)?.verify(&signer(1), performance)
    }

    #[test]
    fn it_is_genuine_only_for_its_performance_and_its_key() {
        let given = claims(7, 12);
        let code = given.sign(&signer(1));
        assert_eq!(read(code.as_str(), given.performance), Ok(given));
        assert_eq!(
            read(code.as_str(), claims(8, 12).performance),
            Err(CodeRefusal::OtherPerformance { issued_for: given.performance })
        );
        assert_eq!(code.verify(&signer(2), given.performance), Err(CodeRefusal::BadSignature));
        assert_eq!(format!("{code:?}"), "TicketCode(..)");
    }

    #[test]
    fn an_admission_is_no_ticket_and_a_ticket_no_admission() {
        let ticket = claims(7, 12);
        let admission = Admission {
            id: AdmissionId::from_uuid(ticket.ticket.as_uuid()),
            user: UserId::from_uuid(ticket.ticket.as_uuid()),
            performance: ticket.performance,
            expires_at: DateTime::UNIX_EPOCH,
        };
        let code = ticket.sign(&signer(1));
        let token = admission.sign(&signer(1));
        assert_eq!(read(token.as_str(), ticket.performance), Err(CodeRefusal::Malformed));
        assert_eq!(AdmissionToken::parse(code.as_str()), Err(AdmissionRefusal::Malformed));
        let renamed = token.as_str().replacen("adm1", "tkt1", 1);
        assert!(read(&renamed, ticket.performance).is_err());
    }

    #[test]
    fn the_same_payload_signed_as_another_kind_is_refused() {
        let other: Kind<PAYLOAD> = Kind { tag: "oth1" };
        let sealed = other.seal(&[7; PAYLOAD], &signer(1));
        let renamed = sealed.as_str().replacen("oth1", "tkt1", 1);
        let performance = PerformanceId::from_uuid(Uuid::from_bytes([7; 16]));
        assert_eq!(read(&renamed, performance), Err(CodeRefusal::BadSignature));
    }

    #[test]
    fn any_changed_bit_of_the_text_is_refused() {
        let given = claims(0x1234_5678_9abc_def0, 99);
        let text = given.sign(&signer(1)).as_str().to_owned();
        for at in 0..text.len() {
            for bit in 0..7 {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let changed = String::from_utf8(bytes).unwrap();
                assert!(read(&changed, given.performance).is_err(), "byte {at} bit {bit}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_ticket_reads_back(seed: u128, seat: u32) {
            let given = claims(seed, seat);
            prop_assert_eq!(read(given.sign(&signer(1)).as_str(), given.performance), Ok(given));
        }

        #[test]
        fn a_cut_or_longer_text_is_refused(seed: u128, keep in 0_usize..95, more in "[A-Za-z0-9_-]{1,80}") {
            let given = claims(seed, 1);
            let text = given.sign(&signer(1)).as_str().to_owned();
            prop_assert!(keep < text.len());
            prop_assert!(read(&text[..keep], given.performance).is_err());
            let longer = text + &more;
            prop_assert!(read(&longer, given.performance).is_err());
        }
    }
}
