//! What the gateway tells: notices as they come, and its daily statement.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use ticketing_core::box_office;
use ticketing_core::change_set::MessageKey;
use ticketing_core::id::PaymentId;
use ticketing_core::label::{Label, Token};
use ticketing_core::memory::Notice;
use ticketing_core::service::notice::{NoticeError, NoticeTaken};

use super::defect::Strange;
use super::world::World;

/// How often a notice comes before the gateway gives up.
pub(crate) const TRIES: u32 = 8;

/// Notices that were not taken and will come again.
#[derive(Debug, Default)]
pub(crate) struct Notices(Mutex<VecDeque<(Notice, u32)>>);

impl Notices {
    /// Takes the notices that came, and those that come again; how many there were.
    pub(crate) async fn take(&self, world: &World) -> usize {
        let mut batch = {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *waiting)
        };
        batch.extend(world.memory.gateway.take_notices().into_iter().map(|notice| (notice, 1)));
        let taken = batch.len();
        for (notice, tries) in batch {
            if !deliver(world, &notice).await && tries < TRIES {
                let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                waiting.push_back((notice, tries + 1));
            }
        }
        taken
    }
}

/// The gateway's daily statement names a payment; whether that was taken in.
pub(crate) async fn statement(world: &World, payment: PaymentId) -> bool {
    let id = format!("statement-{payment}-{}", world.now().date_naive());
    tell(world, Token::new(&id).expect("short and not empty"), payment, None).await
}

/// Delivers a notice; whether it needs not come again.
pub(crate) async fn deliver(world: &World, notice: &Notice) -> bool {
    tell(world, notice.id.clone(), notice.payment, notice.secret.clone()).await
}

/// Who takes the notices. Each run has a gateway of its own, which numbers its notices from 1.
fn consumer(world: &World) -> Label<64> {
    let name = match world.run {
        0 => "gateway".to_owned(),
        run => format!("gateway-{run:016x}"),
    };
    Label::new(&name).expect("short and not empty")
}

async fn tell(world: &World, id: Token, payment: PaymentId, secret: Option<Token>) -> bool {
    let message = MessageKey { consumer: consumer(world), id };
    let notice = box_office::Notice { message, payment, secret };
    match world.call(|office| async move { office.take_notice(notice).await }).await {
        Ok(NoticeTaken::Applied(_) | NoticeTaken::NothingNew) => true,
        Ok(NoticeTaken::NotOurs) => {
            world
                .defects
                .note("notice", &Strange("the gateway knows a payment that we do not".to_owned()));
            true
        }
        Err(NoticeError::GatewaySilent(_)) => false,
        Err(NoticeError::Failed(failure)) if failure.is_transient() => false,
        Err(error) => {
            world.defects.note("notice", &error);
            true
        }
    }
}

/// Somebody else sends a notice of a deposit, with a secret that is made up. What is known to be wrong must
/// change nothing.
pub(crate) async fn forge(world: &World, notice: &Notice) {
    let known = world.office.ports().payments.find(notice.payment).await;
    let is_known = known.is_ok_and(|found| {
        found.is_some_and(|found| found.account().is_some_and(|account| account.secret.is_some()))
    });
    if notice.secret.is_none() || !is_known {
        return;
    }
    let token = |text: &str| Token::new(text).expect("short and not empty");
    let consumer = consumer(world);
    let message = MessageKey { consumer, id: token(&format!("forged-{}", notice.id.as_str())) };
    let (payment, secret) = (notice.payment, Some(token("made up")));
    let forged = box_office::Notice { message, payment, secret };
    let answer = world.call(|office| async move { office.take_notice(forged).await }).await;
    if let Ok(NoticeTaken::Applied(_)) = answer {
        let text = format!("a forged notice of payment {payment} was taken");
        world.defects.note("notice", &Strange(text));
    }
}
