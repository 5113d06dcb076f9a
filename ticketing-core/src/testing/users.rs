//! What every [`UserDirectory`] must do.

use std::sync::Arc;

use super::Harness;
use super::suite::suite;
use crate::id::UserId;
use crate::port::UserDirectory;

suite! { $ users: dyn UserDirectory => users_conformance { failure_is_not_an_answer } }

/// Takes a port that cannot reach its directory: it says so, and says nothing about the user.
pub async fn failure_is_not_an_answer(h: &Harness, port: &Arc<dyn UserDirectory>) {
    for _ in 0..3 {
        let answer = port.status(UserId::generate(h.ids())).await;
        assert!(answer.is_err(), "the directory is out of reach, but the port answered {answer:?}");
    }
}
