use async_trait::async_trait;

use crate::error::PortError;
use crate::port::OutboxRow;

/// Carries events to where consumers read them. Only the relay calls it.
///
/// An adapter MUST answer Ok only when every event was accepted durably
/// (`testing::publisher::ok_means_all_arrived`), and MUST keep the order within a stream
/// (`testing::publisher::streams_keep_their_order`). The same event may be published again.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait EventPublisher: Send + Sync {
    /// Publishes events of one partition, in order. After an error any number of them may have
    /// arrived; the relay sends all again.
    async fn publish(&self, events: Vec<OutboxRow>) -> Result<(), PortError>;
}
