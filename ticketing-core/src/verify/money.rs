//! Money that came in bought what still stands, or went back, or is owed back.

use super::options::{GatewayPayment, VerifyOptions};
use super::report::Invariant;
use super::snapshot::{Back, Paid, PassState, PaymentFlow, RefundFlow, Snapshot, Stage};
use crate::refund::Sent;
use crate::reservation::EndCause;

/// What the refunds and tickets of one payment add up to, in minor units.
#[derive(Clone, Copy, Debug, Default)]
struct WentBack {
    refunds: i64,
    not_honoured: i64,
    stopped: i64,
    /// Seats that were refunded, and what the gateway had brought for them.
    seats: usize,
    seats_external: i64,
    /// Seats that the bank's taking back made free.
    seats_reversed: usize,
    /// What the gateway sent for sure, and what it may have sent.
    sent: i64,
    in_doubt: i64,
}

pub(super) fn check(all: &Snapshot, options: &VerifyOptions) -> Invariant {
    let mut found = Invariant::new("money_without_ticket_or_refund");
    let mut back = vec![WentBack::default(); all.payments.len()];
    for refund in all.refunds.iter() {
        let flow = all.books.refunds.get(&refund.id).copied().unwrap_or_default();
        found.look(is_booked(refund, flow), || {
            let (id, state, external) = (refund.id, refund.state, refund.external);
            format!("refund {id} of {external} is {state}, but its entries say {flow:?}")
        });
        match all.payments.place(&refund.payment) {
            Some(place) => back[place].add(refund),
            None => found.must(false, || {
                format!("refund {}: payment {} is not there", refund.id, refund.payment)
            }),
        }
    }
    for ticket in &all.tickets {
        if let PassState::Void(EndCause::Reversal(payment)) = ticket.state
            && let Some(place) = all.payments.place(&payment)
        {
            back[place].seats_reversed += 1;
        }
    }
    for (paid, back) in all.payments.iter().zip(back) {
        let flow = all.books.payments.get(&paid.id).copied().unwrap_or_default();
        let wrong = flaw(paid, flow, back);
        found.look(wrong.is_none(), || {
            let (id, state) = (paid.id, paid.state);
            format!("payment {id} is {state}: {}", wrong.unwrap_or_default())
        });
        at_gateway(all, paid, back, options, &mut found);
    }
    strangers(all, options, &mut found);
    found
}

impl WentBack {
    fn add(&mut self, refund: &Back) {
        self.refunds += refund.external;
        self.stopped += refund.stopped;
        match refund.lines {
            None => self.not_honoured += refund.external,
            Some(lines) => {
                self.seats += lines.seats;
                self.seats_external += lines.paid_external;
            }
        }
        if refund.sent == Some(Sent::Gateway) {
            self.sent += refund.to_send();
        }
        if refund.in_doubt {
            self.in_doubt += refund.to_send();
        }
    }
}

/// Whether what a refund says of itself is what the ledger says of it.
fn is_booked(refund: &Back, flow: RefundFlow) -> bool {
    let (external, points) = (refund.external, refund.points);
    let accepted = match refund.lines {
        Some(lines) => {
            (lines.to_external, lines.to_points) == (external, points)
                && (flow.payable, flow.points) == (external, points)
        }
        // It was booked when the money came.
        None => (flow.payable, flow.points, points) == (0, 0, 0),
    };
    let went = (flow.sent, flow.as_points, flow.stopped);
    let expected = match refund.sent {
        Some(Sent::Gateway) => (refund.to_send(), 0, refund.stopped),
        Some(Sent::Points) => (0, refund.to_send(), refund.stopped),
        Some(Sent::Nothing) => return accepted && external == 0 && went == (0, 0, 0),
        None => (0, 0, refund.stopped),
    };
    accepted && went == expected
}

/// What is wrong with the money of a payment, if anything.
fn flaw(paid: &Paid, flow: PaymentFlow, back: WentBack) -> Option<String> {
    let booked = flow.bought + flow.not_honoured - flow.taken_back();
    if booked != paid.received {
        return Some(format!("expected {} booked as received, got {booked}", paid.received));
    }
    if flow.not_honoured != back.not_honoured {
        let (came, owed) = (flow.not_honoured, back.not_honoured);
        return Some(format!("{came} came that bought nothing, refunds of it make {owed}"));
    }
    if paid.stage == Stage::Reversed && flow.taken_back() < paid.external {
        let (external, taken) = (paid.external, flow.taken_back());
        return Some(format!("the bank took back {taken} of a deposit of {external}"));
    }
    if back.stopped > flow.lost {
        let (stopped, lost) = (back.stopped, flow.lost);
        return Some(format!(
            "refunds of {stopped} were stopped, the bank took back {lost} of them"
        ));
    }
    let refunded_fits = if flow.taken_back() == 0 {
        paid.refunded == back.refunds
    } else {
        paid.refunded <= paid.received
    };
    if !refunded_fits {
        let (says, are) = (paid.refunded, back.refunds);
        return Some(format!("it counts refunds of {says}, there are refunds of {are}"));
    }
    let bought = match paid.stage {
        Stage::Bought => true,
        // Before the bank took the deposit back it may have bought something.
        Stage::NotHonoured | Stage::Reversed => flow.purchases > 0,
        Stage::Created | Stage::Unsettled { .. } | Stage::Awaiting { .. } | Stage::Ended => false,
    };
    let seats = paid.live_seats + back.seats + back.seats_reversed;
    if !bought {
        let nothing = flow.purchases == 0 && seats == 0;
        return (!nothing).then(|| {
            format!("it bought nothing, but has {} purchases and {seats} seats", flow.purchases)
        });
    }
    let once = flow.purchases == u32::from(paid.price > 0);
    if !once || (flow.bought, flow.points) != (paid.external, paid.points) {
        let PaymentFlow { purchases, bought, points, .. } = flow;
        return Some(format!("{purchases} purchases of {bought} and {points} points are booked"));
    }
    if seats != paid.seats {
        let must = paid.seats;
        return Some(format!("it paid for {must} seats, {seats} are live or were given up"));
    }
    let external = paid.live_external + back.seats_external + flow.reversed;
    (external != paid.external)
        .then(|| format!("it brought {}, live and given up seats make {external}", paid.external))
}

/// Holds a payment against the gateway's books. What only the gateway knows yet is fine until overdue.
fn at_gateway(
    all: &Snapshot,
    paid: &Paid,
    back: WentBack,
    options: &VerifyOptions,
    found: &mut Invariant,
) {
    let Some(truth) = &options.gateway else { return };
    if truth.elsewhere.contains(&paid.id) {
        return;
    }
    let GatewayPayment { captured, cancelled } =
        truth.payments.get(&paid.id).copied().unwrap_or_default();
    let awaited_until = all.halls.get(&paid.performance).and_then(|hall| match paid.stage {
        Stage::Unsettled { sent_at } => Some(sent_at + hall.deadlines.confirm_window),
        Stage::Awaiting { due_at } => Some(due_at + hall.deadlines.notice_margin),
        Stage::Created | Stage::Bought | Stage::NotHonoured | Stage::Ended | Stage::Reversed => {
            paid.to_close
        }
    });
    let may_differ = awaited_until.is_some_and(|until| !options.is_overdue(until));
    found.must(captured == paid.received || may_differ, || {
        let (id, received) = (paid.id, paid.received);
        format!("payment {id}: {received} received, the gateway captured {captured}")
    });
    let (least, most) = (back.sent, back.sent + back.in_doubt);
    found.must((least..=most).contains(&cancelled), || {
        let id = paid.id;
        format!("payment {id}: {least} to {most} sent back, the gateway cancelled {cancelled}")
    });
}

/// Money of payments and refunds that are not there.
fn strangers(all: &Snapshot, options: &VerifyOptions, found: &mut Invariant) {
    let mut unknown: Vec<String> = Vec::new();
    let booked = all.books.payments.keys().filter(|id| all.payments.get(id).is_none());
    unknown.extend(booked.map(|id| format!("entries about payment {id}, which is not there")));
    let booked = all.books.refunds.keys().filter(|id| all.refunds.get(id).is_none());
    unknown.extend(booked.map(|id| format!("entries about refund {id}, which is not there")));
    if let Some(truth) = &options.gateway {
        let there = truth.payments.keys().filter(|id| all.payments.get(id).is_none());
        unknown.extend(there.map(|id| format!("the gateway has payment {id}, which is not there")));
    }
    unknown.sort_unstable();
    for stranger in unknown {
        found.look(false, || stranger);
    }
}
