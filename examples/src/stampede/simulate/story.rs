//! The last events of whatever a failure is about.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use ticketing_core::testing::trace::TraceLine;
use uuid::Uuid;

use super::outcome::Listener;

/// The most lines of a story: of one payment or reservation all that happened to it.
const LINES: usize = 400;
/// The most lines about a performance, which nearly all lines name.
const LINES_OF_HALL: usize = 60;
/// What of a line is shown.
const WIDTH: usize = 1_000;

/// Keeps the last lines about the first thing that a failure names.
#[derive(Clone)]
pub(super) struct Story {
    about: Arc<BTreeSet<String>>,
    untold: BTreeSet<Uuid>,
    most: usize,
    lines: Arc<Mutex<Lines>>,
}

#[derive(Default)]
struct Lines {
    last: VecDeque<String>,
    left_out: u64,
}

impl Story {
    /// A story about what the first line of a text names by uuid: each line is about another thing, and their
    /// stories would drive each other out. A performance is named by almost everything, so it is left out where
    /// something else is named.
    pub(super) fn about(text: &str, performances: &[Uuid]) -> Self {
        let halls: BTreeSet<Uuid> = performances.iter().copied().collect();
        let things = |text: &str| &uuids(text) - &halls;
        let named = text.lines().map(things).find(|things| !things.is_empty());
        let most = if named.is_some() { LINES } else { LINES_OF_HALL };
        let named = named.unwrap_or_else(|| uuids(text));
        let untold = &things(text) - &named;
        let about = named.iter().map(Uuid::to_string).collect();
        Self { about: Arc::new(about), untold, most, lines: Arc::default() }
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
        if !self.about.iter().any(|id| line.text.contains(id)) {
            return;
        }
        let mut text = line.to_string();
        if let Some((cut, _)) = text.char_indices().nth(WIDTH) {
            text.truncate(cut);
            text.push_str(" ..");
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.last.len() == self.most {
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

fn uuids(text: &str) -> BTreeSet<Uuid> {
    let words = text.split(|c: char| !c.is_ascii_hexdigit() && c != '-');
    words.filter(|word| word.len() == 36).filter_map(|word| Uuid::try_parse(word).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_things_by_their_uuids() {
        let (one, hall) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let text = format!("seat 4 of performance {hall}: reservation {one}, is not alone");
        assert_eq!(uuids(&text), BTreeSet::from([one, hall]));
        assert_eq!(*Story::about(&text, &[hall]).about, BTreeSet::from([one.to_string()]));
        let text = format!("performance {hall} is stuck");
        assert_eq!(*Story::about(&text, &[hall]).about, BTreeSet::from([hall.to_string()]));
    }

    #[test]
    fn of_many_things_the_first_has_its_story_and_the_others_are_named() {
        let [first, second, third, hall] = [9, 2, 3, 4].map(Uuid::from_u128);
        let text = format!(
            "money: payment {first} in {hall} is off\n    payment {second} is off\n    payment {third} is off"
        );
        let story = Story::about(&text, &[hall]);
        assert_eq!(*story.about, BTreeSet::from([first.to_string()]));
        assert_eq!(story.untold(), [second.to_string(), third.to_string()]);
    }
}
