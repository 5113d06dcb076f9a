use std::fmt::{self, Debug, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// The most calls in one history.
pub const CALLS_MAX: usize = 128;

/// A set of calls, one bit each.
pub(super) type Calls = u128;

/// A call that was begun, to be ended at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call(usize);

impl Call {
    /// Its place in the history: calls are in the order in which they began.
    pub const fn place(self) -> usize {
        self.0
    }
}

/// One call of a history.
#[derive(Clone, Debug)]
pub(super) struct Recorded<O, A> {
    pub(super) client: usize,
    pub(super) op: O,
    pub(super) answer: Option<A>,
    /// The calls that come before it in every order.
    pub(super) after: Calls,
}

#[derive(Debug)]
struct Log<O, A> {
    calls: Vec<Recorded<O, A>>,
    ended: Calls,
}

/// Writes a history down while it happens. Clones share it; tasks on any thread may use it.
#[derive(Debug)]
pub struct Recorder<O, A>(Arc<Mutex<Log<O, A>>>);

impl<O, A> Clone for Recorder<O, A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<O, A> Default for Recorder<O, A> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Log { calls: Vec::new(), ended: 0 })))
    }
}

impl<O, A> Recorder<O, A> {
    /// Nothing has happened.
    pub fn new() -> Self {
        Self::default()
    }

    fn with<T>(&self, f: impl FnOnce(&mut Log<O, A>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A client is about to make a call. One that is never ended may have happened or not.
    ///
    /// # Panics
    /// Beyond [`CALLS_MAX`] calls.
    pub fn begin(&self, client: usize, op: O) -> Call {
        self.with(|log| {
            let place = log.calls.len();
            assert!(place < CALLS_MAX, "expected at most {CALLS_MAX} calls in a history");
            log.calls.push(Recorded { client, op, answer: None, after: log.ended });
            Call(place)
        })
    }

    /// A call was answered.
    pub fn end(&self, call: Call, answer: A) {
        self.with(|log| {
            log.ended |= 1 << call.0;
            log.calls[call.0].answer = Some(answer);
        });
    }
}

impl<O: Clone, A: Clone> Recorder<O, A> {
    /// What was written down so far.
    pub fn history(&self) -> History<O, A> {
        self.with(|log| History { calls: log.calls.clone() })
    }
}

/// Calls with their answers and which of them was over before which began.
#[derive(Clone, Debug)]
pub struct History<O, A> {
    pub(super) calls: Vec<Recorded<O, A>>,
}

impl<O, A> History<O, A> {
    /// How many calls there are.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether nothing was called.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// The calls in the order in which they began: what was asked, and the answer if it is known.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&O, Option<&A>)> + '_ {
        self.calls.iter().map(|call| (&call.op, call.answer.as_ref()))
    }

    /// How many calls began while another was open.
    pub fn overlapping(&self) -> usize {
        let began_beside = |place: usize| (0..place).any(|other| !self.precedes(other, place));
        (0..self.len()).filter(|place| began_beside(*place)).count()
    }

    /// Whether a call was over before another began.
    pub fn precedes(&self, first: usize, second: usize) -> bool {
        self.calls[second].after & (1 << first) != 0
    }

    /// The calls that may come next after some that are done.
    pub fn next_after(&self, done: &[usize]) -> Vec<usize> {
        let set: Calls = done.iter().fold(0, |set, place| set | 1 << place);
        let is_free =
            |place: &usize| set & (1 << place) == 0 && self.calls[*place].after & !set == 0;
        (0..self.len()).filter(is_free).collect()
    }

    /// One call was before another, as is known from elsewhere than the clock.
    pub fn must_precede(&mut self, first: usize, second: usize) {
        self.calls[second].after |= 1 << first;
    }
}

/// A line for each call in the order in which they began: who, what, the answer, and the calls that were
/// still open when it began.
impl<O: Debug, A: Debug> fmt::Display for History<O, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, call) in self.calls.iter().enumerate() {
            let Recorded { client, op, answer, after } = call;
            let mut open = String::new();
            for other in (0..place).filter(|other| after & (1 << other) == 0) {
                write!(open, " {other}")?;
            }
            match answer {
                Some(answer) => write!(f, "{place}: client {client}: {op:?} -> {answer:?}")?,
                None => write!(f, "{place}: client {client}: {op:?} -> not known")?,
            }
            writeln!(f, "{}{open}", if open.is_empty() { "" } else { ", beside" })?;
        }
        Ok(())
    }
}
