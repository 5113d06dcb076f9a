//! Conformance of [`Store`](crate::port::Store) and [`Retention`](crate::port::Retention).
//!
//! A rule looks only at rows with ids of its own, so that many runs share one store. A caller that
//! is never answered hangs its rule: run the suite under a time limit.

#![expect(clippy::missing_panics_doc, reason = "every rule panics where a port breaks it")]

mod answers;
mod atomic;
mod drops;
mod effects;
mod flaw;
mod kinds;
mod order;
mod purge;
mod races;
mod receipts;

pub use answers::{
    allowance_is_bounded, changed_guard_conflicts, entry_is_booked_once, entry_is_resolved_once,
    invalid_change_set_is_refused, same_change_set_commits_once, stale_version_conflicts,
    taken_seats_are_all_named, wallet_never_goes_below_zero,
};
pub use atomic::{one_refusal_spares_the_others, refused_change_set_writes_nothing};
pub use drops::dropped_caller_leaves_all_or_nothing;
pub use effects::{
    events_come_with_their_change, release_is_for_the_owner, sold_seats_are_marked_sold,
};
pub use kinds::{every_kind_is_guarded_at_its_version, every_kind_is_saved_at_its_version};
pub use order::answers_come_in_order;
pub use purge::purge_is_bounded_and_spares_the_young;
pub use races::{
    one_change_set_sent_by_ten_commits_once, one_key_is_answered_once_under_a_race,
    one_message_is_handled_once_under_a_race, one_of_fifty_wins_a_seat,
    one_of_ten_resolves_an_entry, one_of_ten_saves_a_version, poor_wallet_is_spent_once,
    two_tabs_share_one_allowance,
};
pub use receipts::{
    begun_call_is_filled_once, key_of_another_request_is_refused,
    repeated_call_gets_the_first_answer, repeated_message_is_a_duplicate,
};

#[doc(hidden)]
#[macro_export]
macro_rules! __store_rules {
    ($then:ident $arguments:tt) => {
        $crate::$then! {
            store $arguments
            same_change_set_commits_once,
            key_of_another_request_is_refused,
            repeated_call_gets_the_first_answer,
            begun_call_is_filled_once,
            repeated_message_is_a_duplicate,
            stale_version_conflicts,
            changed_guard_conflicts,
            every_kind_is_saved_at_its_version,
            every_kind_is_guarded_at_its_version,
            entry_is_booked_once,
            taken_seats_are_all_named,
            allowance_is_bounded,
            entry_is_resolved_once,
            wallet_never_goes_below_zero,
            invalid_change_set_is_refused,
            answers_come_in_order,
            events_come_with_their_change,
            refused_change_set_writes_nothing,
            one_refusal_spares_the_others,
            release_is_for_the_owner,
            sold_seats_are_marked_sold,
            one_of_fifty_wins_a_seat,
            two_tabs_share_one_allowance,
            poor_wallet_is_spent_once,
            one_of_ten_saves_a_version,
            one_of_ten_resolves_an_entry,
            one_change_set_sent_by_ten_commits_once,
            one_key_is_answered_once_under_a_race,
            one_message_is_handled_once_under_a_race,
            dropped_caller_leaves_all_or_nothing,
            purge_is_bounded_and_spares_the_young,
        }
    };
}
crate::__store_rules! { __rule_items [] }
