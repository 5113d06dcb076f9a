//! The last events of whatever a failure is about.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use ticketing_core::testing::trace::TraceLine;
use uuid::Uuid;

use super::outcome::Listener;

/// Lines of a story.
const LINES: usize = 60;
/// What of a line is shown.
const WIDTH: usize = 1_000;

/// Keeps the last lines that are about one of some things.
#[derive(Clone)]
pub(super) struct Story {
    about: Arc<BTreeSet<String>>,
    lines: Arc<Mutex<VecDeque<String>>>,
}

impl Story {
    /// A story about what a text names by uuid. A performance is named by almost everything, so it is left
    /// out where something else is named.
    pub(super) fn about(text: &str, performances: &[Uuid]) -> Self {
        let mut about = uuids(text);
        let halls: BTreeSet<Uuid> = performances.iter().copied().collect();
        if about.iter().any(|id| !halls.contains(id)) {
            about.retain(|id| !halls.contains(id));
        }
        let about = about.iter().map(Uuid::to_string).collect();
        Self { about: Arc::new(about), lines: Arc::default() }
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
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(text);
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
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
}
