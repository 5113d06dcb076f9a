//! The last events of whatever a failure is about.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use ticketing_core::testing::trace::{TraceKind, TraceLine};
use uuid::Uuid;

use super::outcome::Listener;

/// The most lines of a story: of one payment or reservation all that happened to it.
const LINES: usize = 400;
/// The most lines about a performance, which nearly all lines name, or about nothing in particular.
const LINES_OF_ALL: usize = 60;
/// What of a line is shown.
const WIDTH: usize = 1_000;

/// Keeps the last lines about the first thing that a failure names.
#[derive(Clone)]
pub(super) struct Story {
    about: Arc<About>,
    untold: BTreeSet<Uuid>,
    lines: Arc<Mutex<Lines>>,
}

/// What a story is about.
#[derive(Debug, PartialEq, Eq)]
enum About {
    /// Whatever names one of these.
    Things(BTreeSet<String>),
    /// Seats of halls.
    Seats(BTreeSet<String>, BTreeSet<u32>),
    /// Halls, which nearly everything is about.
    Halls(BTreeSet<String>),
    /// An account that is nobody's, such as `clearing in KRW`.
    Account(String),
    /// All that happened: nothing is named.
    All,
}

#[derive(Default)]
struct Lines {
    last: VecDeque<String>,
    left_out: u64,
    /// Calls that were told and have not been answered.
    asked: BTreeSet<u64>,
}

impl Story {
    /// A story about what the first line of a text names by uuid: each line is about another thing, and their
    /// stories would drive each other out. A performance is named by almost everything, so it is left out where
    /// something else is named, and of one whose seat is named only what is about the seat is told.
    pub(super) fn about(text: &str, performances: &[Uuid]) -> Self {
        let halls: BTreeSet<Uuid> = performances.iter().copied().collect();
        let things = |text: &str| &uuids(text) - &halls;
        let named = text.lines().map(things).find(|things| !things.is_empty()).unwrap_or_default();
        let untold = &things(text) - &named;
        let texts = |ids: &BTreeSet<Uuid>| ids.iter().map(Uuid::to_string).collect();
        let about = if named.is_empty() {
            let line = text.lines().find(|line| !uuids(line).is_empty()).unwrap_or_default();
            let (halls, seats) = (uuids(line), seats(line));
            match (halls.is_empty(), seats.is_empty()) {
                (true, _) => account(text).map_or(About::All, About::Account),
                (false, true) => About::Halls(texts(&halls)),
                (false, false) => About::Seats(texts(&halls), seats),
            }
        } else {
            About::Things(texts(&named))
        };
        Self { about: Arc::new(about), untold, lines: Arc::default() }
    }

    /// What else the text names.
    pub(super) fn untold(&self) -> Vec<String> {
        self.untold.iter().map(Uuid::to_string).collect()
    }

    pub(super) fn listener(&self) -> Listener {
        let story = self.clone();
        Box::new(move |line| story.take(line))
    }

    fn take(&self, line: &TraceLine) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let is_answer = line.what == TraceKind::Answer && lines.asked.remove(&line.number);
        if !is_answer && !self.about.is_told_by(&line.text) {
            return;
        }
        if line.what == TraceKind::Call {
            lines.asked.insert(line.number);
        }
        let mut text = line.to_string();
        if let Some((cut, _)) = text.char_indices().nth(WIDTH) {
            text.truncate(cut);
            text.push_str(" ..");
        }
        if lines.last.len() == self.about.lines() {
            lines.last.pop_front();
            lines.left_out += 1;
        }
        lines.last.push_back(text);
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let left_out = (lines.left_out > 0).then(|| format!(".. {} lines before", lines.left_out));
        left_out.into_iter().chain(lines.last.iter().cloned()).collect()
    }
}

impl About {
    fn is_told_by(&self, text: &str) -> bool {
        let names_one = |ids: &BTreeSet<String>| ids.iter().any(|id| text.contains(id));
        match self {
            Self::Things(ids) | Self::Halls(ids) => names_one(ids),
            Self::Seats(halls, of) => names_one(halls) && !seats(text).is_disjoint(of),
            Self::Account(name) => text.contains(name),
            Self::All => true,
        }
    }

    fn lines(&self) -> usize {
        match self {
            Self::Things(_) | Self::Seats(..) | Self::Account(_) => LINES,
            Self::Halls(_) | Self::All => LINES_OF_ALL,
        }
    }
}

/// The seats that a text names: `seat 7`, `seats 7,8` or, among the arguments of a call, `#7`.
fn seats(text: &str) -> BTreeSet<u32> {
    let listed = ["seat ", "seats "].into_iter().flat_map(|word| text.split(word).skip(1));
    let listed =
        listed.flat_map(|rest| leading(rest, |c| c.is_ascii_digit() || c == ',').split(','));
    let marked = text.split('#').skip(1).map(|rest| leading(rest, |c| c.is_ascii_digit()));
    listed.chain(marked).filter_map(|number| number.parse().ok()).collect()
}

/// The account of `..: clearing in KRW: the balance is ..`, as an entry names it too.
fn account(text: &str) -> Option<String> {
    let (before, _) = text.split_once(": the balance is ")?;
    before.rsplit(": ").next().map(str::to_owned)
}

fn leading(text: &str, is_in: impl Fn(char) -> bool) -> &str {
    text.split(|c| !is_in(c)).next().unwrap_or_default()
}

fn uuids(text: &str) -> BTreeSet<Uuid> {
    let words = text.split(|c: char| !c.is_ascii_hexdigit() && c != '-');
    words.filter(|word| word.len() == 36).filter_map(|word| Uuid::try_parse(word).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ids: &[Uuid]) -> BTreeSet<String> {
        ids.iter().map(Uuid::to_string).collect()
    }

    #[test]
    fn a_text_names_things_by_their_uuids() {
        let (one, hall) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let text = format!("seat 4 of performance {hall}: reservation {one}, is not alone");
        assert_eq!(uuids(&text), BTreeSet::from([one, hall]));
        assert_eq!(*Story::about(&text, &[hall]).about, About::Things(set(&[one])));
        let text = format!("performance {hall} is stuck");
        assert_eq!(*Story::about(&text, &[hall]).about, About::Halls(set(&[hall])));
        assert_eq!(*Story::about("a task panicked: seat 9", &[hall]).about, About::All);
        let text =
            "entries_that_do_not_sum: points held in KRW: the balance is 5, its postings sum to 4";
        let about = Story::about(text, &[hall]).about;
        assert_eq!(*about, About::Account("points held in KRW".to_owned()));
        assert!(about.is_told_by("post PointsReserved: wallet in KRW -5, points held in KRW 5"));
        assert!(!about.is_told_by("post TopUp: clearing in KRW -5, wallet in KRW 5"));
    }

    #[test]
    fn of_a_seat_without_a_reservation_only_the_seat_is_told() {
        let (hall, other) = (Uuid::from_u128(2), Uuid::from_u128(3));
        let story = Story::about(&format!("seat 12 of performance {hall} is gone"), &[hall]);
        for (text, is_told) in [
            (format!("claim seats 11,12 of {hall} for the house"), true),
            (format!("claim seats 11,12 of {other} for the house"), false),
            (format!("release seat 12 of {hall} from the house"), true),
            (format!("claim seats 1,121 of {hall} for the house"), false),
            (format!("performance: PerformanceId({hall}), seats: [#9, #12], holder"), true),
            (format!("performance: PerformanceId({hall}), seats: [#120], holder"), false),
            (format!("PerformanceId({hall}), 12, 2027-03-12"), false),
        ] {
            assert_eq!(story.about.is_told_by(&text), is_told, "{text}");
        }
    }

    #[test]
    fn a_call_that_is_told_is_told_with_its_answer() {
        let hall = Uuid::from_u128(2);
        let story = Story::about(&format!("seat 7 of performance {hall} is gone"), &[hall]);
        let line = |number, what, text: &str| TraceLine {
            at: crate::stampede::world::begins_at(),
            process: Some(1),
            number,
            port: "holds".into(),
            call: "hold".into(),
            what,
            text: text.to_owned(),
        };
        let call = format!("PerformanceId({hall}), [#7]");
        story.take(&line(1, TraceKind::Call, &call));
        story.take(&line(2, TraceKind::Call, "another"));
        story.take(&line(2, TraceKind::Answer, "Ok(Held)"));
        story.take(&line(1, TraceKind::Answer, "Err(Taken)"));
        let lines = story.lines();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].ends_with("[#7]") && lines[1].ends_with("Err(Taken)"), "{lines:?}");
    }

    #[test]
    fn of_many_things_the_first_has_its_story_and_the_others_are_named() {
        let [first, second, third, hall] = [9, 2, 3, 4].map(Uuid::from_u128);
        let text = format!(
            "money: payment {first} in {hall} is off\n    payment {second} is off\n    payment {third} is off"
        );
        let story = Story::about(&text, &[hall]);
        assert_eq!(*story.about, About::Things(set(&[first])));
        assert_eq!(story.untold(), [second.to_string(), third.to_string()]);
    }
}
