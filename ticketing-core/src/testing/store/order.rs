use super::flaw::{Flaw, Spent};
use crate::testing::sample::{self, seats};
use crate::testing::{Harness, StorePorts};

/// Where several answers apply, the first of the list is given: for every two of them, and for
/// each with all that come after it.
pub async fn answers_come_in_order(h: &Harness, ports: &StorePorts) {
    let spent = Spent::new(h, ports).await;
    let free = 7;
    let mut cases: Vec<Vec<Flaw>> = Vec::new();
    for (index, first) in Flaw::ALL.into_iter().enumerate() {
        let later: Vec<Flaw> = Flaw::ALL[index + 1..]
            .iter()
            .copied()
            .filter(|flaw| flaw.rank() > first.rank())
            .filter(|flaw| !(first.is_of_the_receipt() && flaw.is_of_the_receipt()))
            .collect();
        cases.push(vec![first]);
        cases.extend(later.iter().map(|second| vec![*second, first]));
        let all: Vec<Flaw> =
            later.into_iter().filter(|flaw| *flaw != Flaw::Replayed).chain([first]).collect();
        cases.push(all);
    }
    for flaws in cases {
        let mut changes =
            spent.begin(h, &flaws).claim(spent.sale.performance, seats([free]), sample::owner(h));
        for flaw in &flaws {
            changes = spent.spoil(h, changes, *flaw);
        }
        let answer = ports.commit(&changes).await;
        let first = flaws[flaws.len() - 1];
        spent.expect(first, &answer, &format!("before those to {flaws:?}"));
    }
    let claim = ports.claim(spent.sale.performance, free).await;
    assert_eq!(claim, None, "one of the refused change sets took its free seat");
    spent.expect_untouched(ports, "while the order was tried").await;
}
