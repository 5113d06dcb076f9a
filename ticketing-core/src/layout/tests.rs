use proptest::prelude::*;

use super::*;
use crate::label::LabelError;
use crate::money::{Currency, Money};
use crate::seat::Seats;

fn grade(text: &str) -> Grade {
    Grade::new(text).unwrap()
}

fn prices(grades: &[&str]) -> PriceList {
    let price = Money::from_minor(50_000, Currency::KRW).unwrap();
    PriceList::new(grades.iter().map(|text| (grade(text), price))).unwrap()
}

fn errors(spec: &LayoutSpec) -> Vec<LayoutError> {
    Layout::new(spec).unwrap_err().as_slice().to_vec()
}

#[test]
fn everything_wrong_is_said_at_once() {
    let seat = |number: &str, grade: &str| SeatSpec { number: number.into(), grade: grade.into() };
    let row = |name: &str, seats: Vec<SeatSpec>| RowSpec { name: name.into(), seats };
    let spec = LayoutSpec::of([
        SectionSpec {
            name: "1F-A".into(),
            rows: vec![
                row("1", vec![seat("1", "VIP"), seat(" 1 ", "VIP"), seat("2", "")]),
                row("1", vec![seat("", "R")]),
                row("2", vec![]),
            ],
        },
        SectionSpec { name: " 1F-A".into(), rows: vec![] },
        SectionSpec { name: "\n".into(), rows: vec![row("1", vec![seat("1", "R")])] },
    ]);
    let errors = Layout::priced(&spec, &prices(&["VIP"])).unwrap_err();
    let section = LayoutAt::section(0);
    let empty = |max| LabelError::Empty { max };
    assert_eq!(
        errors.as_slice(),
        [
            LayoutError::Repeated { at: LayoutAt::section(1), label: "1F-A".into() },
            LayoutError::Label { at: LayoutAt::section(2), error: empty(40) },
            LayoutError::Repeated { at: section.row(1), label: "1".into() },
            LayoutError::Repeated { at: section.row(0).seat(1), label: "1".into() },
            LayoutError::Label { at: section.row(1).seat(0), error: empty(16) },
            LayoutError::EmptyRow { at: section.row(2) },
            LayoutError::EmptySection { at: LayoutAt::section(1) },
            LayoutError::Grade { got: String::new(), error: empty(16) },
            LayoutError::Unpriced { grade: grade("R"), seats: 2 },
        ]
    );
    assert_eq!(errors.total(), 9);
    let text = errors.to_string();
    assert!(text.starts_with("the layout has 9 errors: section 2: \"1F-A\" is there twice; "));
    assert!(text.contains("section 1, row 1, seat 2: \"1\" is there twice"));
    assert!(text.ends_with("grade R of 2 seats has no price"));
}

#[test]
fn more_than_the_stated_maximum_is_refused() {
    assert_eq!(errors(&LayoutSpec::default()), [LayoutError::NoSection]);
    let most = LayoutSpec::of([SectionSpec::grid("A", "R", 200, 1_000)]);
    assert_eq!(Layout::new(&most).unwrap().len(), Layout::SEATS_MAX);
    let seats = LayoutSpec::of([
        SectionSpec::grid("A", "R", 200, 1_000),
        SectionSpec::grid("B", "R", 1, 1),
    ]);
    assert_eq!(errors(&seats), [LayoutError::TooManySeats { got: 200_001 }]);
    let sections =
        LayoutSpec::of((0..1_001).map(|name| SectionSpec::grid(name.to_string(), "R", 1, 1)));
    assert_eq!(errors(&sections), [LayoutError::TooManySections { got: 1_001 }]);
    let grades = LayoutSpec::of(
        (0..101).map(|name| SectionSpec::grid(format!("s{name}"), format!("g{name}"), 1, 1)),
    );
    assert_eq!(errors(&grades), [LayoutError::TooManyGrades { got: 101 }]);
}

#[test]
fn many_errors_are_counted_but_not_all_listed() {
    let rows = std::iter::repeat_n(RowSpec::numbered("1", "R", 1), 151);
    let spec = LayoutSpec::of([SectionSpec { name: "A".into(), rows: rows.collect() }]);
    let errors = Layout::new(&spec).unwrap_err();
    assert_eq!((errors.as_slice().len(), errors.total()), (LayoutErrors::LISTED_MAX, 150));
    assert!(errors.to_string().ends_with("; and more"));
}

#[test]
fn a_hundred_thousand_seats_store_one_list_of_numbers() {
    let sections = (0..10).map(|name| SectionSpec::grid(format!("{name}F"), "R", 100, 100));
    let layout = Layout::new(&LayoutSpec::of(sections)).unwrap();
    assert_eq!(layout.len(), 100_000);
    assert_eq!((layout.rows.len(), layout.numbers.len()), (1_000, 1));
    let json = serde_json::to_string(&layout).unwrap();
    assert!(json.len() < 20_000, "{} bytes", json.len());
    let last = layout.place(SeatNo(99_999)).unwrap();
    assert_eq!(last.to_string(), "9F/100/100");
    assert_eq!(layout.place(SeatNo(100_000)), None);
    assert_eq!(layout.grade(SeatNo(100_000)), None);
}

#[test]
fn a_stored_layout_is_checked_again() {
    let good = r#"{"sections":[{"name":"A","rows":[["1",0],["2",0]]}],"numbers":[["1","2"]],"grades":["R"],"runs":[[0,0]]}"#;
    let spec = LayoutSpec::of([SectionSpec::grid("A", "R", 2, 2)]);
    let layout = Layout::new(&spec).unwrap();
    assert_eq!(serde_json::to_string(&layout).unwrap(), good);
    assert_eq!(serde_json::from_str::<Layout>(good).unwrap(), layout);
    for (sound, broken, answer) in [
        (r#"["1","2"]"#, r#"["1","1"]"#, "\"1\" is there twice"),
        (r#"["2",0]"#, r#"["1",0]"#, "\"1\" is there twice"),
        (r#"["2",0]"#, r#"["2",1]"#, "rows with listed numbers"),
        (r#""runs":[[0,0]]"#, r#""runs":[]"#, "from the first seat on"),
        (r#""runs":[[0,0]]"#, r#""runs":[[1,0]]"#, "from the first seat on"),
        (r#""runs":[[0,0]]"#, r#""runs":[[0,1]]"#, "listed grades"),
        (r#""runs":[[0,0]]"#, r#""runs":[[0,0],[4,0]]"#, "in the order of seats"),
        (r#""runs":[[0,0]]"#, r#""runs":[[0,0],[0,0]]"#, "in the order of seats"),
        (r#""name":"A""#, r#""name":" ""#, "section 1: expected 1 to 40 characters"),
    ] {
        let json = good.replace(sound, broken);
        let error = serde_json::from_str::<Layout>(&json).unwrap_err().to_string();
        assert!(error.contains(answer), "{json} answered {error}");
    }
}

fn names(max: usize) -> impl Strategy<Value = Vec<String>> {
    prop::collection::btree_set("[0-9A-Z가-힣]{1,4}", 1..=max)
        .prop_map(Vec::from_iter)
        .prop_shuffle()
}

fn some_seats() -> impl Strategy<Value = Vec<SeatSpec>> {
    let grades = prop::collection::vec(prop::sample::select(vec!["VIP", "R"]), 6);
    (names(6), grades).prop_map(|(numbers, grades)| {
        let seats = numbers.into_iter().zip(grades);
        seats.map(|(number, grade)| SeatSpec { number, grade: grade.into() }).collect()
    })
}

fn some_rows() -> impl Strategy<Value = Vec<RowSpec>> {
    (names(4), prop::collection::vec(some_seats(), 4)).prop_map(|(rows, seats)| {
        rows.into_iter().zip(seats).map(|(name, seats)| RowSpec { name, seats }).collect()
    })
}

fn specs() -> impl Strategy<Value = LayoutSpec> {
    (names(4), prop::collection::vec(some_rows(), 4)).prop_map(|(sections, rows)| {
        let sections = sections.into_iter().zip(rows);
        LayoutSpec::of(sections.map(|(name, rows)| SectionSpec { name, rows }))
    })
}

proptest! {
    #[test]
    fn labels_and_numbers_lead_to_each_other(spec in specs()) {
        let layout = Layout::new(&spec).unwrap();
        let mut next = 0;
        for section in &spec.sections {
            for row in &section.rows {
                for seat in &row.seats {
                    let found = layout.find(&section.name, &row.name, &seat.number);
                    prop_assert_eq!(found, Some(SeatNo(next)));
                    let place = layout.place(SeatNo(next)).unwrap();
                    prop_assert_eq!(place.section.as_str(), &section.name);
                    prop_assert_eq!(place.row.as_str(), &row.name);
                    prop_assert_eq!(place.number.as_str(), &seat.number);
                    prop_assert_eq!(layout.grade(SeatNo(next)), Some(&grade(&seat.grade)));
                    next += 1;
                }
                prop_assert_eq!(layout.find(&section.name, &row.name, "none"), None);
            }
        }
        prop_assert_eq!(layout.len(), next);
        prop_assert_eq!(layout.place(SeatNo(next)), None);
        prop_assert_eq!(layout.seats().count(), next as usize);
        prop_assert_eq!(layout.to_spec(), spec);
        let json = serde_json::to_string(&layout).unwrap();
        prop_assert_eq!(serde_json::from_str::<Layout>(&json).unwrap(), layout);
    }

    #[test]
    fn regrading_changes_the_named_seats_alone(
        spec in specs(),
        changes in prop::collection::vec(
            (prop::collection::btree_set(0..100_u32, 1..20), prop::sample::select(vec!["VIP", "R", "S"])),
            1..6,
        ),
    ) {
        let layout = Layout::new(&spec).unwrap();
        let mut map = layout.grades().clone();
        let mut expected: Vec<Grade> =
            (0..map.len()).map(|seat| layout.grade(SeatNo(seat)).unwrap().clone()).collect();
        for (seats, text) in changes {
            let seats = Seats::new(seats.into_iter().map(SeatNo)).unwrap();
            map = map.regraded(&seats, &grade(text));
            for seat in seats.iter().filter(|seat| seat.0 < layout.len()) {
                expected[seat.index()] = grade(text);
            }
            let got: Vec<Grade> =
                (0..map.len()).map(|seat| map.get(SeatNo(seat)).unwrap().clone()).collect();
            prop_assert_eq!(&got, &expected);
            prop_assert_eq!(map.counts().values().sum::<u32>(), layout.len());
            let runs = 1 + expected.windows(2).filter(|pair| pair[0] != pair[1]).count();
            prop_assert_eq!(map.parts().1.len(), runs);
            let json = serde_json::to_string(&map).unwrap();
            prop_assert_eq!(&serde_json::from_str::<GradeMap>(&json).unwrap(), &map);
        }
    }
}
