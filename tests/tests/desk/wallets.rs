use pollster::block_on;
use ticketing_core::box_office::*;
use ticketing_core::ledger::EntryKind;
use ticketing_core::money::Currency;
use ticketing_core::page::{Limit, PageRequest};
use ticketing_core::service::wallet::{TOP_UP_MINOR_MAX, TopUpError};

use crate::world::{World, token, won};

#[test]
fn a_top_up_counts_once_per_key_and_is_bounded() {
    block_on(async {
        let world = World::new().await;
        let (user, other) = (world.user(), world.user());
        let charge = TopUp { user, amount: won(10_000), key: token("a") };
        let first = world.office.top_up(charge.clone()).await.unwrap();
        assert_eq!(world.office.top_up(charge.clone()).await.unwrap(), first);
        assert!(
            world.office.top_up(TopUp { amount: won(20_000), ..charge.clone() }).await.is_err()
        );
        world.office.top_up(TopUp { user: other, ..charge.clone() }).await.unwrap();
        for wrong in [won(0), won(TOP_UP_MINOR_MAX + 1)] {
            let refused = world.office.top_up(TopUp { amount: wrong, ..charge.clone() }).await;
            assert!(matches!(refused, Err(TopUpError::Amount { got }) if got == wrong));
        }
        let most = TopUp { user: world.user(), amount: won(TOP_UP_MINOR_MAX), key: token("most") };
        assert_eq!(world.office.top_up(most.clone()).await.unwrap().amount, most.amount);
        for user in [user, other] {
            let balance = world.office.balance(user, Currency::KRW).await.unwrap();
            assert_eq!(balance, won(10_000));
        }
        let empty = world.office.balance(world.user(), Currency::KRW).await.unwrap();
        assert_eq!(empty, won(0));
    });
}

#[test]
fn the_history_comes_newest_first_in_pages() {
    block_on(async {
        let world = World::new().await;
        let user = world.user();
        for number in 1..=7 {
            world.advance(std::time::Duration::from_secs(1));
            let key = token(&number.to_string());
            world.office.top_up(TopUp { user, amount: won(number), key }).await.unwrap();
        }
        let stranger = TopUp { user: world.user(), amount: won(99), key: token("s") };
        world.office.top_up(stranger).await.unwrap();
        let (mut amounts, mut after, limit) = (Vec::new(), None, Limit::new(3).unwrap());
        loop {
            let page = PageRequest::next(after, limit);
            let page = world.office.wallet_history(user, Currency::KRW, page).await.unwrap();
            assert!(page.items.len() <= 3);
            assert!(page.items.iter().all(|line| line.kind == EntryKind::TopUp));
            amounts.extend(page.items.iter().map(|line| line.amount));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(amounts, [7, 6, 5, 4, 3, 2, 1]);
    });
}
