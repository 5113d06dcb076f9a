//! What every [`UserDirectory`] must do.

use std::sync::Arc;

use super::Harness;
use super::suite::suite;
use crate::id::UserId;
use crate::port::{UserDirectory, UserStatus};

suite! { $ users: dyn UserDirectory => users_conformance { failure_is_not_an_answer } }

/// Takes a port that cannot reach its directory: it says so, and says nothing about the user.
pub async fn failure_is_not_an_answer(h: &Harness, port: &Arc<dyn UserDirectory>) {
    for _ in 0..3 {
        let answer = port.status(UserId::generate(h.ids())).await;
        assert!(answer.is_err(), "the directory is out of reach, but the port answered {answer:?}");
    }
}

/// Takes a port that works, a user who may buy and one who may not: each is told from the other and
/// from who does not exist, also when many ask at once. Not part of [`all`], whose port does not work.
///
/// # Panics
/// If the adapter breaks this.
pub async fn status_is_of_the_user(
    h: &Harness,
    port: &Arc<dyn UserDirectory>,
    active: UserId,
    inactive: UserId,
) {
    let nobody = UserId::generate(h.ids());
    let known = [
        (active, UserStatus::Active),
        (nobody, UserStatus::Unknown),
        (inactive, UserStatus::Inactive),
    ];
    let asked: Vec<(UserId, UserStatus)> = known.into_iter().cycle().take(12).collect();
    let answers = h.race(asked.iter().map(|(user, _)| {
        let (port, user) = (Arc::clone(port), *user);
        async move { port.status(user).await }
    }));
    for ((user, expected), answer) in asked.iter().zip(answers.await) {
        let status = answer.expect("a directory within reach");
        assert_eq!(status, *expected, "the status of {user}");
    }
}
