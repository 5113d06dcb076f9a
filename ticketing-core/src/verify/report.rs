//! What a verification came to.

use std::fmt;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// What became of one invariant. As JSON only whether it holds and how many things were looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Invariant {
    /// Its name, stable over releases.
    #[serde(skip)]
    pub name: &'static str,
    /// Whether it holds.
    pub ok: bool,
    /// How many things were looked at.
    pub checked: u64,
    /// How many violations there are.
    #[serde(skip)]
    pub violated: u64,
    /// The first [`Invariant::VIOLATIONS_MAX`] of them, in words.
    #[serde(skip)]
    pub violations: Vec<String>,
}

impl Invariant {
    /// The most violations that are told in words.
    pub const VIOLATIONS_MAX: usize = 20;

    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, ok: true, checked: 0, violated: 0, violations: Vec::new() }
    }

    /// Looks at one thing.
    pub(super) fn look(&mut self, holds: bool, violation: impl FnOnce() -> String) {
        self.checked += 1;
        self.must(holds, violation);
    }

    /// Asks more of a thing that was counted already.
    pub(super) fn must(&mut self, holds: bool, violation: impl FnOnce() -> String) {
        if holds {
            return;
        }
        self.ok = false;
        self.violated += 1;
        if self.violations.len() < Self::VIOLATIONS_MAX {
            self.violations.push(violation());
        }
    }
}

/// Every invariant, in a fixed order. As JSON an object: `{name: {"ok": .., "checked": ..}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Report {
    /// The invariants.
    pub invariants: Vec<Invariant>,
}

impl Report {
    /// Whether every invariant holds.
    pub fn is_sound(&self) -> bool {
        self.invariants.iter().all(|invariant| invariant.ok)
    }

    /// One invariant by its name.
    pub fn get(&self, name: &str) -> Option<&Invariant> {
        self.invariants.iter().find(|invariant| invariant.name == name)
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.invariants.len()))?;
        for invariant in &self.invariants {
            map.serialize_entry(invariant.name, invariant)?;
        }
        map.end()
    }
}

/// A line per invariant, and one per violation that is told.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for invariant in &self.invariants {
            let (name, checked, violated) = (invariant.name, invariant.checked, invariant.violated);
            let verdict = if invariant.ok { "ok" } else { "VIOLATED" };
            writeln!(f, "{name}: {verdict}, {checked} checked, {violated} violations")?;
            for violation in &invariant.violations {
                writeln!(f, "  {violation}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violations_are_counted_beyond_those_that_are_told() {
        let mut invariant = Invariant::new("nothing");
        invariant.look(true, || unreachable!("it holds"));
        for number in 0..30 {
            invariant.look(false, || number.to_string());
        }
        assert!(!invariant.ok);
        assert_eq!((invariant.checked, invariant.violated), (31, 30));
        assert_eq!(invariant.violations.len(), Invariant::VIOLATIONS_MAX);
        let report = Report { invariants: vec![invariant] };
        assert!(!report.is_sound());
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(json, r#"{"nothing":{"ok":false,"checked":31}}"#);
    }
}
