use std::sync::Arc;

use pollster::block_on;
use ticketing_core::box_office::*;
use ticketing_core::page::{Limit, PageRequest};
use ticketing_core::service::tickets::{self, TicketError};
use ticketing_core::signing::{HmacSigner, KeyRing, SigningKey};
use ticketing_core::testing::Harness;
use ticketing_core::ticket::{TicketRefusal, TicketState};
use ticketing_core::ticket_code::{CodeRefusal, TicketCode};

use crate::world::{World, gate, seats};

#[test]
fn of_two_doors_one_lets_the_ticket_in() {
    let world = Arc::new(block_on(World::new()));
    let (_, sold) = block_on(world.sell(world.user(), &seats([7])));
    let code = world.office.ticket_code(&sold[0]);
    let doors = (0..8).map(|door| {
        let (world, code) = (Arc::clone(&world), code.clone());
        async move {
            let gate = gate(&format!("door {door}"));
            let shown = AdmitTicket { performance: world.performance, code, gate };
            world.office.admit(shown).await
        }
    });
    let (admitted, refused): (Vec<_>, Vec<_>) =
        Harness::storm(doors.collect()).into_iter().partition(Result::is_ok);
    assert_eq!((admitted.len(), refused.len()), (1, 7));
    let admitted = admitted.into_iter().next().unwrap().unwrap();
    let TicketState::Used { gate: winner, at } = admitted.state().clone() else {
        panic!("expected a used ticket, got {:?}", admitted.state());
    };
    for refusal in refused {
        match refusal {
            Err(TicketError::Ticket(TicketRefusal::Used { at: when, gate })) => {
                assert_eq!((when, gate), (at, winner.clone()));
            }
            other => panic!("expected Used, got {other:?}"),
        }
    }
    let stored = block_on(world.office.tickets_of(sold[0].user(), sold[0].reservation())).unwrap();
    assert_eq!(stored, [admitted]);
}

#[test]
fn a_door_takes_only_genuine_codes_of_its_performance() {
    block_on(async {
        let world = World::new().await;
        let (_, sold) = world.sell(world.user(), &seats([7])).await;
        let code = world.office.ticket_code(&sold[0]);
        let claims = world.office.check_ticket(&code, world.performance).unwrap();
        assert_eq!((claims.ticket, claims.seat), (sold[0].id(), sold[0].seat()));

        let key = SigningKey::new(&[1; 32]).unwrap();
        let forged = tickets::code(&HmacSigner::new(KeyRing::new(key)), &sold[0]);
        let other = world.another_performance().await;
        let wrong: [(&TicketCode, _, _); 2] = [
            (&forged, world.performance, CodeRefusal::BadSignature),
            (&code, other, CodeRefusal::OtherPerformance { issued_for: world.performance }),
        ];
        for (code, performance, expected) in wrong {
            let shown = AdmitTicket { performance, code: code.clone(), gate: gate("north") };
            match world.office.admit(shown).await {
                Err(TicketError::Code(refusal)) => assert_eq!(refusal, expected),
                other => panic!("expected {expected:?}, got {other:?}"),
            }
        }
        let shown = AdmitTicket { performance: world.performance, code, gate: gate("north") };
        world.office.cancel_performance(world.seller, world.performance).await.unwrap();
        let refused = world.office.admit(shown).await;
        assert!(matches!(refused, Err(TicketError::Performance(_))), "{refused:?}");
    });
}

#[test]
fn tickets_are_shown_to_their_owner() {
    block_on(async {
        let world = World::new().await;
        let (owner, stranger) = (world.user(), world.user());
        let (first, _) = world.sell(owner, &seats([1, 2])).await;
        world.sell(owner, &seats([3])).await;
        world.sell(stranger, &seats([4])).await;
        let refused = world.office.tickets_of(stranger, first).await;
        assert!(matches!(refused, Err(TicketError::NoSuchReservation(_))), "{refused:?}");
        let page = PageRequest::first(Limit::new(2).unwrap());
        let page = world.office.tickets(owner, page).await.unwrap();
        let rest = PageRequest::next(page.next, Limit::DEFAULT);
        let rest = world.office.tickets(owner, rest).await.unwrap();
        let listed: Vec<u32> =
            page.items.iter().chain(&rest.items).map(|ticket| ticket.seat().0).collect();
        assert_eq!((page.items.len(), listed), (2, vec![1, 2, 3]));
    });
}
