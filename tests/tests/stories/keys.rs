//! A call to the gateway that is made again has the key that it had: it moves money once.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ticketing_core::id::PaymentId;
use ticketing_core::memory::{CallAct, FakeGateway, GatewayCall, Step};
use ticketing_core::payment::Method;
use ticketing_core::port::{
    CancelRequest, Captured, ConfirmRequest, DepositAccount, Found, GatewayError, GatewayKey,
    IssueRequest, PaymentGateway,
};
use ticketing_core::service::PaymentStatus;
use ticketing_core::service::confirm::{self, ConfirmPayment};

use crate::world::{PRICE, World, seat, token, won};

/// Writes down the key of every call that can bring money.
struct KeyLog {
    gateway: Arc<FakeGateway>,
    keys: Mutex<Vec<GatewayKey>>,
}

impl KeyLog {
    fn note(&self, key: &GatewayKey) {
        self.keys.lock().unwrap().push(key.clone());
    }
}

#[async_trait]
impl PaymentGateway for KeyLog {
    async fn confirm(&self, request: ConfirmRequest) -> Result<Captured, GatewayError> {
        self.note(&request.key);
        self.gateway.confirm(request).await
    }

    async fn issue_deposit_account(
        &self,
        request: IssueRequest,
    ) -> Result<DepositAccount, GatewayError> {
        self.note(&request.key);
        self.gateway.issue_deposit_account(request).await
    }

    async fn close_account(&self, payment: PaymentId, key: GatewayKey) -> Result<(), GatewayError> {
        self.gateway.close_account(payment, key).await
    }

    async fn cancel(&self, request: CancelRequest) -> Result<(), GatewayError> {
        self.gateway.cancel(request).await
    }

    async fn find(&self, payment: PaymentId) -> Result<Found, GatewayError> {
        self.gateway.find(payment).await
    }
}

#[test]
fn what_the_gateway_did_not_take_is_sent_again_under_the_same_key() {
    let key_of_confirm: fn(PaymentId) -> GatewayKey = GatewayKey::confirm;
    let ways = [
        (Method::Card, GatewayCall::Confirm, key_of_confirm),
        (Method::BankTransfer, GatewayCall::Issue, GatewayKey::issue),
    ];
    for (method, call, key_of) in ways {
        let world = World::new();
        let log = Arc::new(KeyLog { gateway: world.gateway.clone(), keys: Mutex::default() });
        let mut ports = world.ports.clone();
        ports.gateway = log.clone();
        let user = world.user();
        let reservation = world.reserve(user, &seat(0)).reservation;
        let payment = world.checkout(user, reservation, 0, Some(method));
        let busy = Step::Call(call, CallAct::Refuse { retry_after: None });
        world.gateway.script(payment, [busy, busy]);
        let request =
            ConfirmPayment::new(user, payment, won(PRICE)).with_provider_key(token("card"));
        let view = world.run(confirm::confirm(&ports, request)).unwrap();
        assert!(!matches!(view.status, PaymentStatus::Processing), "{view:?}");
        let key = key_of(payment);
        assert_eq!(*log.keys.lock().unwrap(), [key.clone(), key.clone(), key]);
        world.check_at_rest();
    }
}
