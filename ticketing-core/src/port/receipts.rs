use async_trait::async_trait;

use crate::change_set::{Receipt, ReceiptKey};
use crate::error::PortError;

/// Reads the answers that were given.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Receipts: Send + Sync {
    /// What is kept of a call (`testing::store::begun_call_is_filled_once`).
    async fn find(&self, key: ReceiptKey) -> Result<Option<Receipt>, PortError>;
}
