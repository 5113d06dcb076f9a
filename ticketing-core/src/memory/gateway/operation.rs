//! The calls that can move money, each as a change to the book.

use chrono::{DateTime, Utc};

use super::book::{Book, Entry, Keys, No, Standing};
use super::script::GatewayCall;
use crate::id::PaymentId;
use crate::label::{Label, Token};
use crate::port::{
    CancelRequest, Captured, ConfirmRequest, DepositAccount, GatewayCancel, GatewayKey,
    IssueRequest,
};

/// One call that can move money.
pub(super) trait Operation: Send + Sized {
    type Answer: Clone + Send;
    const CALL: GatewayCall;

    fn payment(&self) -> PaymentId;
    fn key(&self) -> &GatewayKey;
    fn into_key(self) -> GatewayKey;
    fn keys(book: &mut Book) -> &mut Keys<Self::Answer>;
    /// Does it, or says why not; a refusal changes no money.
    fn perform(&self, book: &mut Book, now: DateTime<Utc>) -> Result<Self::Answer, No>;
    /// Refuses it for no reason of the book's.
    fn decline(&self, book: &mut Book, now: DateTime<Utc>) -> Result<Self::Answer, No>;
    fn into_request(self) -> Request;
}

/// A call that is done later.
#[derive(Debug)]
pub(super) enum Request {
    Confirm(ConfirmRequest),
    Issue(IssueRequest),
    Close(CloseRequest),
    Cancel(CancelRequest),
}

#[derive(Debug)]
pub(super) struct CloseRequest {
    pub(super) payment: PaymentId,
    pub(super) key: GatewayKey,
}

const ALREADY_PROCESSED: No = No::Already("ALREADY_PROCESSED_PAYMENT");

/// Why a payment that exists cannot be started again.
fn taken(entry: &Entry) -> No {
    match &entry.standing {
        Standing::Captured | Standing::Open(_) | Standing::Paid(_) => ALREADY_PROCESSED,
        Standing::Closed if !entry.captured.is_zero() => ALREADY_PROCESSED,
        Standing::Ready { .. } | Standing::Declined | Standing::Closed => {
            No::declined("REJECT_PAYMENT")
        }
    }
}

/// Refuses a payment for good, unless it went further before.
fn refuse(book: &mut Book, payment: PaymentId, asked: crate::money::Money) -> No {
    let entry =
        book.entries.entry(payment).or_insert_with(|| Entry::new(Standing::Declined, asked));
    if let Standing::Ready { .. } = entry.standing {
        entry.standing = Standing::Declined;
    }
    taken(entry)
}

impl Operation for ConfirmRequest {
    type Answer = Captured;
    const CALL: GatewayCall = GatewayCall::Confirm;

    fn payment(&self) -> PaymentId {
        self.payment
    }

    fn key(&self) -> &GatewayKey {
        &self.key
    }

    fn into_key(self) -> GatewayKey {
        self.key
    }

    fn keys(book: &mut Book) -> &mut Keys<Captured> {
        &mut book.confirms
    }

    fn perform(&self, book: &mut Book, now: DateTime<Utc>) -> Result<Captured, No> {
        if self.amount.is_zero() {
            return Err(No::declined("BELOW_MINIMUM_AMOUNT"));
        }
        let entry = book.entries.entry(self.payment).or_insert_with(|| {
            let provider_key = self.provider_key.clone();
            Entry::new(
                Standing::Ready { provider_key, until: DateTime::<Utc>::MAX_UTC },
                self.amount,
            )
        });
        let Standing::Ready { provider_key, until } = &entry.standing else {
            return Err(taken(entry));
        };
        if *provider_key != self.provider_key || now >= *until {
            return Err(No::declined("NOT_FOUND_PAYMENT_SESSION"));
        }
        if entry.asked != self.amount {
            return Err(No::declined("INVALID_REQUEST"));
        }
        entry.standing = Standing::Captured;
        entry.captured = self.amount;
        Ok(Captured { amount: self.amount, at: now })
    }

    fn decline(&self, book: &mut Book, _: DateTime<Utc>) -> Result<Captured, No> {
        Err(refuse(book, self.payment, self.amount))
    }

    fn into_request(self) -> Request {
        Request::Confirm(self)
    }
}

impl Operation for IssueRequest {
    type Answer = DepositAccount;
    const CALL: GatewayCall = GatewayCall::Issue;

    fn payment(&self) -> PaymentId {
        self.payment
    }

    fn key(&self) -> &GatewayKey {
        &self.key
    }

    fn into_key(self) -> GatewayKey {
        self.key
    }

    fn keys(book: &mut Book) -> &mut Keys<DepositAccount> {
        &mut book.issues
    }

    fn perform(&self, book: &mut Book, now: DateTime<Utc>) -> Result<DepositAccount, No> {
        if let Some(entry) = book.entries.get(&self.payment) {
            return Err(taken(entry));
        }
        if self.amount.is_zero() || self.due_at <= now {
            return Err(No::declined("INVALID_REQUEST"));
        }
        let account = account_of(self.payment, self.due_at);
        let standing = Standing::Open(Box::new(account.clone()));
        book.entries.insert(self.payment, Entry::new(standing, self.amount));
        Ok(account)
    }

    fn decline(&self, book: &mut Book, _: DateTime<Utc>) -> Result<DepositAccount, No> {
        Err(refuse(book, self.payment, self.amount))
    }

    fn into_request(self) -> Request {
        Request::Issue(self)
    }
}

/// The account of a payment: the same payment always gets the same number and secret.
fn account_of(payment: PaymentId, due_at: DateTime<Utc>) -> DepositAccount {
    let id = payment.as_uuid().as_u128();
    let text = "made of digits and hex, short enough";
    DepositAccount {
        bank: Label::new("FAKE BANK").expect(text),
        number: Label::new(&format!("{:014}", id % 100_000_000_000_000)).expect(text),
        due_at,
        secret: Some(Token::new(&format!("ps_{:032x}", id.reverse_bits())).expect(text)),
    }
}

impl Operation for CloseRequest {
    type Answer = ();
    const CALL: GatewayCall = GatewayCall::Close;

    fn payment(&self) -> PaymentId {
        self.payment
    }

    fn key(&self) -> &GatewayKey {
        &self.key
    }

    fn into_key(self) -> GatewayKey {
        self.key
    }

    fn keys(book: &mut Book) -> &mut Keys<()> {
        &mut book.closes
    }

    fn perform(&self, book: &mut Book, _: DateTime<Utc>) -> Result<(), No> {
        let Some(entry) = book.entries.get_mut(&self.payment) else {
            return Err(No::declined("NOT_FOUND_PAYMENT"));
        };
        match entry.standing {
            Standing::Open(_) | Standing::Closed => {
                entry.standing = Standing::Closed;
                Ok(())
            }
            Standing::Paid(_)
            | Standing::Captured
            | Standing::Declined
            | Standing::Ready { .. } => Err(No::declined("NOT_CANCELABLE_PAYMENT")),
        }
    }

    fn decline(&self, _: &mut Book, _: DateTime<Utc>) -> Result<(), No> {
        Err(No::declined("NOT_CANCELABLE_PAYMENT"))
    }

    fn into_request(self) -> Request {
        Request::Close(self)
    }
}

impl Operation for CancelRequest {
    type Answer = ();
    const CALL: GatewayCall = GatewayCall::Cancel;

    fn payment(&self) -> PaymentId {
        self.payment
    }

    fn key(&self) -> &GatewayKey {
        &self.key
    }

    fn into_key(self) -> GatewayKey {
        self.key
    }

    fn keys(book: &mut Book) -> &mut Keys<()> {
        &mut book.cancels
    }

    fn perform(&self, book: &mut Book, _: DateTime<Utc>) -> Result<(), No> {
        let Some(entry) = book.entries.get_mut(&self.payment) else {
            return Err(No::declined("NOT_FOUND_PAYMENT"));
        };
        if entry.kept().is_zero() {
            return Err(No::declined("NOT_CANCELABLE_PAYMENT"));
        }
        let needs_account = match entry.standing {
            Standing::Open(_) | Standing::Paid(_) | Standing::Closed => true,
            Standing::Captured | Standing::Declined | Standing::Ready { .. } => false,
        };
        if needs_account && self.account.is_none() {
            return Err(No::declined("INVALID_REFUND_ACCOUNT_INFO"));
        }
        if entry.left().is_zero() {
            return Err(No::Already("ALREADY_CANCELED_PAYMENT"));
        }
        if self.amount.is_zero() || entry.left().sub(self.amount).is_err() {
            return Err(No::declined("NOT_CANCELABLE_AMOUNT"));
        }
        entry.cancelled =
            entry.cancelled.add(self.amount).map_err(|_| No::declined("NOT_CANCELABLE_AMOUNT"))?;
        entry.cancels.push(GatewayCancel { refund: Some(self.refund), amount: self.amount });
        Ok(())
    }

    fn decline(&self, _: &mut Book, _: DateTime<Utc>) -> Result<(), No> {
        Err(No::declined("REFUND_REJECTED"))
    }

    fn into_request(self) -> Request {
        Request::Cancel(self)
    }
}
