/// Signs ticket codes and admissions, and checks signatures.
///
/// An adapter MUST accept what it signed itself, also with keys that it no longer signs with but
/// still trusts, and MUST refuse any other message or signature, in time that does not depend on
/// where they differ (`testing::signer::accepts_its_own`, `testing::signer::refuses_any_change`).
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait TokenSigner: Send + Sync {
    /// A signature of 16 to 64 bytes over a message.
    fn sign(&self, message: &[u8]) -> Vec<u8>;
    /// Whether a signature belongs to a message.
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool;
}
