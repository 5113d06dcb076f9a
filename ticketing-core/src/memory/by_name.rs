//! Rates of faults that are set by name.

/// Gives a struct of rates, in thousandths, their names: `prefix.field`.
macro_rules! rates_by_name {
    ($faults:ident, $prefix:literal: $($field:ident),* $(,)?) => {
        impl $faults {
            /// The names of all rates.
            pub const NAMES: &[&str] = &[$(concat!($prefix, ".", stringify!($field))),*];

            /// The rate of this name, in thousandths; `None` if there is none of this name.
            pub fn get(&self, name: &str) -> Option<u16> {
                let rates = [$(self.$field),*];
                Self::NAMES.iter().position(|known| *known == name).map(|index| rates[index])
            }

            /// Sets the rate of this name, in thousandths.
            ///
            /// # Errors
            /// [`PolicyError`], and the rates stay as they were, if there is no such rate, or if the
            /// rates are out of bounds with it.
            pub fn set(&mut self, name: &str, rate: u16) -> Result<(), PolicyError> {
                let mut next = *self;
                let rates = [$(&mut next.$field),*];
                let Some(index) = Self::NAMES.iter().position(|known| *known == name) else {
                    let expected = format!("one of {}", Self::NAMES.join(", "));
                    return Err(PolicyError { field: "fault", expected, got: format!("{name:?}") });
                };
                *rates[index] = rate;
                next.check()?;
                *self = next;
                Ok(())
            }
        }
    };
}
pub(super) use rates_by_name;
