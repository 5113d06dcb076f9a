use uuid::Uuid;

use super::*;
use crate::event::EventBody;
use crate::label::Grade;
use crate::money::Money;

fn grade(text: &str) -> Grade {
    Grade::new(text).unwrap()
}

fn price(minor: i64, currency: Currency) -> Money {
    Money::from_minor(minor, currency).unwrap()
}

fn won(prices: &[(&str, i64)]) -> PriceList {
    let prices = prices.iter().map(|(name, minor)| (grade(name), price(*minor, Currency::KRW)));
    PriceList::new(prices).unwrap()
}

fn show() -> Show {
    let new = NewShow {
        id: ShowId::from_uuid(Uuid::from_u128(1)),
        seller: SellerId::from_uuid(Uuid::from_u128(2)),
        title: Title::new("Swan Lake").unwrap(),
        commission: BasisPoints::percent(5),
        prices: won(&[("VIP", 150_000)]),
        policy: SalesPolicy::default(),
    };
    Show::create(new, DateTime::UNIX_EPOCH).unwrap()
}

#[test]
fn a_price_list_has_one_currency_and_no_free_grade() {
    assert_eq!(PriceList::new([]), Err(PriceListError::Empty));
    let (vip, r) = (grade("VIP"), grade("R"));
    let thousand = price(1_000, Currency::KRW);
    assert_eq!(
        PriceList::new([(vip.clone(), thousand), (r.clone(), price(10, Currency::USD))]),
        Err(PriceListError::OtherCurrency {
            grade: r.clone(),
            expected: Currency::KRW,
            got: Currency::USD
        })
    );
    assert_eq!(
        PriceList::new([(vip.clone(), thousand), (vip.clone(), thousand)]),
        Err(PriceListError::Repeated { grade: vip })
    );
    assert_eq!(
        PriceList::new([(r.clone(), price(0, Currency::KRW))]),
        Err(PriceListError::Free { grade: r })
    );
    let many = (0..101).map(|name| (grade(&name.to_string()), thousand));
    assert_eq!(PriceList::new(many), Err(PriceListError::TooManyGrades { got: 101 }));
}

#[test]
fn a_stored_price_list_is_checked_again() {
    let list = won(&[("VIP", 150_000), ("R", 90_000)]);
    let json = serde_json::to_string(&list).unwrap();
    assert_eq!(serde_json::from_str::<PriceList>(&json).unwrap(), list);
    assert!(serde_json::from_str::<PriceList>("{}").is_err());
    assert!(serde_json::from_str::<PriceList>(&json.replace("90000", "0")).is_err());
    assert!(serde_json::from_str::<PriceList>(&json.replacen("KRW", "USD", 1)).is_err());
}

#[test]
fn every_change_is_told_once() {
    let mut show = show();
    let now = DateTime::UNIX_EPOCH;
    let title = Title::new("Giselle").unwrap();
    let policy = SalesPolicy { tickets_per_user: 4, ..SalesPolicy::default() };
    assert_eq!(show.retitle(title.clone(), now), Applied::Now);
    assert_eq!(show.retitle(title.clone(), now), Applied::Already);
    assert_eq!(show.reprice(won(&[("VIP", 1)]), now), Ok(Applied::Now));
    assert_eq!(show.reprice(won(&[("VIP", 1)]), now), Ok(Applied::Already));
    assert_eq!(show.change_policy(policy.clone(), now), Ok(Applied::Now));
    assert_eq!(show.change_policy(policy.clone(), now), Ok(Applied::Already));
    assert_eq!((show.title(), &**show.policy()), (&title, &policy));
    assert_eq!(show.prices().get(&grade("VIP")), Some(price(1, Currency::KRW)));
    let names: Vec<&str> = show.root().pending().map(EventBody::name).collect();
    assert_eq!(names, ["show.created", "show.updated", "show.updated", "show.updated"]);
    for event in show.root().pending() {
        let json = serde_json::to_string(event).unwrap();
        assert_eq!(&serde_json::from_str::<EventBody>(&json).unwrap(), event);
    }
}

#[test]
fn a_refused_change_leaves_the_show_as_it_was() {
    let mut changed = show();
    let now = DateTime::UNIX_EPOCH;
    let dollars = PriceList::new([(grade("VIP"), price(10, Currency::USD))]).unwrap();
    let refusal = ShowRefusal::OtherCurrency { expected: Currency::KRW, got: Currency::USD };
    assert_eq!(changed.reprice(dollars, now), Err(refusal));
    let policy = SalesPolicy { tickets_per_user: 0, ..SalesPolicy::default() };
    assert!(matches!(changed.change_policy(policy, now), Err(ShowRefusal::Policy(_))));
    assert_eq!(changed, show());
}

#[test]
fn a_show_survives_storage() {
    let json = serde_json::to_string(&show()).unwrap();
    assert_eq!(serde_json::from_str::<Show>(&json).unwrap(), show());
}
