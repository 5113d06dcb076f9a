//! Faults on the real databases: servers and clients that are killed, connections that are cut, servers
//! that fall silent, disks that are full, clocks that jump.
//!
//! Whatever happens, every acknowledged change set is there once, every refused one is not, every unknown
//! one resolves when it is sent again, and all invariants hold. Tests of minutes are ignored:
//! `cargo test -p ticketing-tests --test sqlx_faults -- --ignored`.

mod clocks;
mod commits;
mod full;
mod kills;
mod ledger;
mod load;
mod processes;
mod proxy;
mod resent;
mod seller;
#[path = "../sqlx/server.rs"]
mod server;
mod servers;
mod shop;
mod silence;
mod storm;

/// The same tests on several databases.
macro_rules! on_each {
    ($($name:ident: $server:ident),* => { $($(#[$meta:meta])* $test:ident($($arg:expr),*);)* }) => {
        on_each!(@ [$($name: $server),*] { $($(#[$meta])* $test($($arg),*);)* });
    };
    (@ [] $tests:tt) => {};
    (@ [$name:ident: $server:ident $(, $rest:ident: $more:ident)*] {
        $($(#[$meta:meta])* $test:ident($($arg:expr),*);)*
    }) => {
        mod $name {
            use super::*;
            $(
                #[test]
                $(#[$meta])*
                fn $test() {
                    crate::server::block_on(super::$test(Server::$server, $($arg),*));
                }
            )*
        }
        on_each!(@ [$($rest: $more),*] { $($(#[$meta])* $test($($arg),*);)* });
    };
}
pub(crate) use on_each;
