use rustc_hash::FxHashSet;

use super::Spec;
use super::history::{Calls, History};

/// Whether a history is explained by some order of its calls.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// By this one: places in the history. Calls without an answer that are not in it did not happen.
    Linearizable(Vec<usize>),
    /// By none. This is the longest beginning of an order that was found.
    Impossible(Vec<usize>),
    /// More states were looked at than allowed: nobody knows.
    GaveUp,
}

/// Looks for an order of all answered calls that the specification allows, over at most `states_max`
/// states.
pub fn check<S: Spec>(
    spec: &S,
    initial: &S::State,
    history: &History<S::Op, S::Answer>,
    states_max: usize,
) -> Verdict {
    let answered = |(place, call): (usize, &super::history::Recorded<_, _>)| {
        Calls::from(call.answer.is_some()) << place
    };
    let mut search = Search {
        spec,
        history,
        states_max,
        answered: history.calls.iter().enumerate().map(answered).sum(),
        seen: FxHashSet::default(),
        order: Vec::new(),
        longest: Vec::new(),
    };
    match search.explains(0, initial) {
        Found::Order => Verdict::Linearizable(search.order),
        Found::Nothing => Verdict::Impossible(search.longest),
        Found::TooMuch => Verdict::GaveUp,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Order,
    Nothing,
    TooMuch,
}

struct Search<'a, S: Spec> {
    spec: &'a S,
    history: &'a History<S::Op, S::Answer>,
    states_max: usize,
    answered: Calls,
    seen: FxHashSet<(Calls, S::State)>,
    order: Vec<usize>,
    longest: Vec<usize>,
}

impl<S: Spec> Search<'_, S> {
    /// Goes on from the calls that are done; as deep as there are calls.
    fn explains(&mut self, done: Calls, state: &S::State) -> Found {
        if self.answered & !done == 0 {
            return Found::Order;
        }
        if !self.seen.insert((done, state.clone())) {
            return Found::Nothing;
        }
        if self.seen.len() > self.states_max {
            return Found::TooMuch;
        }
        if self.order.len() > self.longest.len() {
            self.longest.clone_from(&self.order);
        }
        let mut next: Vec<(usize, S::State)> = Vec::new();
        for (place, call) in self.history.calls.iter().enumerate() {
            let is_free = done & (1 << place) == 0 && call.after & !done == 0;
            if !is_free {
                continue;
            }
            let Some(after) = self.spec.step(state, &call.op, call.answer.as_ref()) else {
                continue;
            };
            let changes =
                call.answer.as_ref().is_none_or(|got| !self.spec.only_reads(&call.op, got));
            if !changes {
                // It is right here: what comes after it is as right with it as without.
                next = vec![(place, after)];
                break;
            }
            next.push((place, after));
        }
        for (place, after) in next {
            self.order.push(place);
            match self.explains(done | (1 << place), &after) {
                Found::Nothing => {}
                found @ (Found::Order | Found::TooMuch) => return found,
            }
            self.order.pop();
        }
        Found::Nothing
    }
}
