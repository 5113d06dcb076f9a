//! The durable store of `ticketing` on MySQL, MariaDB and SQLite.
//!
//! One [`Store`] is all ports that are about rows; holds, the waiting line, the gateway and the rest are
//! other adapters' part.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # async fn sell() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use ticketing_core::box_office::BoxOffice;
//! use ticketing_core::memory::{ManualClock, Memory, SystemClock};
//! use ticketing_core::port::{Clock, Ports};
//! use ticketing_sqlx::{Options, Store};
//!
//! # let folder = std::env::temp_dir().join(format!("ticketing-sqlx-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! # let url = format!("sqlite://{}/sale.db", folder.display());
//! # let url = url.as_str();
//! // `url` is such as `mysql://user:password@host/database` or `sqlite://sale.db`.
//! Store::migrate(url, &Options::default()).await?;
//! let store = Store::connect(url, Options::default(), Arc::new(SystemClock)).await?;
//!
//! // Put your own here: what is in memory ends with the process.
//! let rest = Memory::at(ManualClock::at(SystemClock.now())).build().ports();
//! let store = Arc::new(store);
//! let office = BoxOffice::new(Ports {
//!     store: store.clone(),
//!     layouts: store.clone(),
//!     reservations: store.clone(),
//!     checkouts: store.clone(),
//!     payments: store.clone(),
//!     refunds: store.clone(),
//!     tickets: store.clone(),
//!     ledger: store.clone(),
//!     claims: store.clone(),
//!     receipts: store.clone(),
//!     retention: store.clone(),
//!     outbox: store.clone(),
//!     ..rest
//! });
//! # drop(office);
//! // Nothing is lost that was acknowledged; what is queued is committed before it ends.
//! let closed = store.close(std::time::Duration::from_secs(10)).await;
//! assert_eq!(closed.unknown, 0);
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok(())
//! # }
//! # #[cfg(feature = "sqlite")]
//! # tokio::runtime::Runtime::new().unwrap().block_on(sell()).unwrap();
//! ```

mod books;
mod codes;
mod connect;
pub(crate) mod db;
mod dialect;
mod error;
#[cfg(all(test, feature = "sqlite"))]
mod fixture;
mod flush;
mod inspect;
mod lanes;
mod options;
mod outbox;
mod reads;
pub mod schema;
mod server;
mod snapshot;
mod sql;
mod store;

#[cfg(any(test, feature = "testing"))]
pub mod testing {
    //! How the database goes about the reads, for tests on a server.

    pub use crate::reads::plans::{fill, refused_plans};
}

pub use books::{Books, Compared};
pub use error::{ConnectError, OptionsError};
pub use lanes::{Closed, Stats};
pub use options::{Durability, Options};
pub use snapshot::Snapshot;
pub use store::Store;
