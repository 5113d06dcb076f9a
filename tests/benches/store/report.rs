//! Lines that stand under each other.

use std::time::Duration;

/// What a figure must be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    /// Nothing is asked of it.
    None,
    /// At least the floor; the aim is what is hoped for.
    AtLeast {
        floor: f64,
        aim: f64,
    },
    AtMost(f64),
}

impl Bound {
    pub(crate) const fn at_least(floor: f64) -> Self {
        Self::AtLeast { floor, aim: floor }
    }
}

/// Prints each line at once, so that a run that is stopped has said what it knew.
#[derive(Debug, Default)]
pub(crate) struct Report {
    missed: usize,
}

impl Report {
    #[expect(clippy::unused_self, reason = "only who has the report prints")]
    pub(crate) fn title(&self, title: &str) {
        println!("\n{title}");
    }

    /// A figure with its unit, and whether it is what it must be.
    pub(crate) fn figure(&mut self, name: &str, value: f64, unit: &str, bound: Bound) {
        let value_text = format!("{}{unit}", rounded(value));
        let (asked, kept) = match bound {
            Bound::None => (String::new(), None),
            Bound::AtLeast { floor, aim } => {
                let aim = if aim > floor {
                    format!(", aim {}{unit}", rounded(aim))
                } else {
                    String::new()
                };
                (format!("floor {}{unit}{aim}", rounded(floor)), Some(value >= floor))
            }
            Bound::AtMost(most) => {
                (format!("at most {}{unit}", rounded(most)), Some(value <= most))
            }
        };
        self.missed += usize::from(kept == Some(false));
        let verdict = kept.map_or("", |kept| if kept { "OK" } else { "MISSED" });
        println!("{}", format!("  {name:<52} {value_text:>14}  {asked:<28} {verdict}").trim_end());
    }

    #[expect(clippy::unused_self, reason = "only who has the report prints")]
    pub(crate) fn note(&self, name: &str, text: &str) {
        println!("  {name:<52} {text}");
    }

    pub(crate) fn end(&self) {
        println!("\n{} figures missed", self.missed);
    }
}

fn rounded(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// What is going on, for who waits.
pub(crate) fn progress(what: &str) {
    eprintln!("... {what}");
}
