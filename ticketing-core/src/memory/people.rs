use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use rustc_hash::{FxHashMap, FxHashSet};

use super::lock;
use crate::error::{Fault, PortError};
use crate::id::UserId;
use crate::port::{FraudCheck, FraudQuery, FraudVerdict, UserDirectory, UserStatus};

/// A user directory in this process: one status for everybody, and exceptions.
#[derive(Debug)]
pub struct MemoryUsers {
    everybody: UserStatus,
    exceptions: Mutex<FxHashMap<UserId, UserStatus>>,
    is_failing: AtomicBool,
}

impl Default for MemoryUsers {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryUsers {
    /// Everybody may buy.
    pub fn new() -> Self {
        Self::with_everybody(UserStatus::Active)
    }

    /// Nobody is known, until [`Self::set`] says otherwise.
    pub fn empty() -> Self {
        Self::with_everybody(UserStatus::Unknown)
    }

    fn with_everybody(everybody: UserStatus) -> Self {
        Self { everybody, exceptions: Mutex::default(), is_failing: AtomicBool::new(false) }
    }

    /// Sets the status of one user.
    pub fn set(&self, user: UserId, status: UserStatus) {
        lock(&self.exceptions).insert(user, status);
    }

    /// From now on every call fails, or works again.
    pub fn set_failing(&self, is_failing: bool) {
        self.is_failing.store(is_failing, Ordering::SeqCst);
    }
}

#[async_trait]
impl UserDirectory for MemoryUsers {
    async fn status(&self, user: UserId) -> Result<UserStatus, PortError> {
        if self.is_failing.load(Ordering::SeqCst) {
            return Err(PortError::new("users", "status", Fault::Transient));
        }
        Ok(lock(&self.exceptions).get(&user).copied().unwrap_or(self.everybody))
    }
}

/// A fraud check in this process: it suspects whom it is told to.
#[derive(Debug, Default)]
pub struct MemoryFraud {
    suspected: Mutex<FxHashSet<UserId>>,
    is_failing: AtomicBool,
}

impl MemoryFraud {
    /// Suspects nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Suspects every purchase of a user.
    pub fn suspect(&self, user: UserId) {
        lock(&self.suspected).insert(user);
    }

    /// Trusts a user again.
    pub fn clear(&self, user: UserId) {
        lock(&self.suspected).remove(&user);
    }

    /// From now on every call fails, or works again.
    pub fn set_failing(&self, is_failing: bool) {
        self.is_failing.store(is_failing, Ordering::SeqCst);
    }
}

#[async_trait]
impl FraudCheck for MemoryFraud {
    async fn check(&self, query: FraudQuery) -> Result<FraudVerdict, PortError> {
        if self.is_failing.load(Ordering::SeqCst) {
            return Err(PortError::new("fraud", "check", Fault::Transient));
        }
        let is_suspected = lock(&self.suspected).contains(&query.user);
        Ok(if is_suspected { FraudVerdict::Suspected } else { FraudVerdict::Clear })
    }
}
