//! Locks that are never held over an await.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex whose data stays whole even if a holder panicked: every critical section here either
/// finishes its writes or has not begun them.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
