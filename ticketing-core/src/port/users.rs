use async_trait::async_trait;

use crate::error::PortError;
use crate::id::UserId;

/// Whether a user may buy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// May buy.
    Active,
    /// Known, but may not buy.
    Inactive,
    /// Nobody of that id.
    Unknown,
}

/// What the checkout asks about a buyer.
///
/// A failure of the port is never an answer about the user: an adapter that cannot reach its directory
/// MUST answer with an error (`testing::users::failure_is_not_an_answer`). It MUST tell who may buy
/// from who may not and from who does not exist, which is no error
/// (`testing::users::status_is_of_the_user`).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait UserDirectory: Send + Sync {
    /// Whether the user may buy.
    async fn status(&self, user: UserId) -> Result<UserStatus, PortError>;
}
