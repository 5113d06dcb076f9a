use serde::{Deserialize, Serialize};

/// What a layout is made of, as plain texts: nothing is checked before [`crate::layout::Layout::new`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayoutSpec {
    /// The sections, in the order of their seats' numbers.
    pub sections: Vec<SectionSpec>,
}

/// A section of a layout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SectionSpec {
    /// Its name, different from the other sections'.
    pub name: String,
    /// Its rows, in order.
    pub rows: Vec<RowSpec>,
}

/// A row of a section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowSpec {
    /// Its name, different from the section's other rows'.
    pub name: String,
    /// Its seats, in order.
    pub seats: Vec<SeatSpec>,
}

/// A seat of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatSpec {
    /// Its number, different from the row's other seats'.
    pub number: String,
    /// The grade that gives its price.
    pub grade: String,
}

impl LayoutSpec {
    /// A layout of these sections.
    pub fn of(sections: impl IntoIterator<Item = SectionSpec>) -> Self {
        Self { sections: sections.into_iter().collect() }
    }
}

impl SectionSpec {
    /// A section of one grade whose rows, and seats in every row, are named from 1.
    pub fn grid(
        name: impl AsRef<str>,
        grade: impl AsRef<str>,
        rows: u32,
        seats_per_row: u32,
    ) -> Self {
        let rows = (1..=rows).map(|row| RowSpec::numbered(row.to_string(), &grade, seats_per_row));
        Self { name: name.as_ref().to_owned(), rows: rows.collect() }
    }
}

impl RowSpec {
    /// A row of one grade whose seats are numbered from 1.
    pub fn numbered(name: impl AsRef<str>, grade: impl AsRef<str>, seats: u32) -> Self {
        let seats = (1..=seats).map(|number| SeatSpec {
            number: number.to_string(),
            grade: grade.as_ref().to_owned(),
        });
        Self { name: name.as_ref().to_owned(), seats: seats.collect() }
    }
}
