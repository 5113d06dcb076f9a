//! What is set up before the first buyer comes: the hall, the show, its one performance, its line.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use ticketing_core::box_office::{
    BoxOffice, CreateShow, CreateVenue, OpenLine, SchedulePerformance,
};
use ticketing_core::id::{PerformanceId, SellerId, ShowId, VenueId};
use ticketing_core::label::{Grade, LabelError, Title};
use ticketing_core::layout::Layout;
use ticketing_core::money::BasisPoints;
use ticketing_core::policy::SalesPolicy;
use ticketing_core::service::waiting::LINE_MAX;
use ticketing_core::show::PriceList;

use super::hall::{GRADES, layout, won};

/// From the beginning until sales open: who comes earlier waits.
pub(crate) const OPENS_AFTER: Duration = Duration::from_mins(2);
/// From then until the performance starts.
pub(crate) const STARTS_AFTER: TimeDelta = TimeDelta::days(30);

/// Why the world could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the {what} cannot be set up")]
pub struct SetUpError {
    what: &'static str,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

pub(super) trait OrSetUp<T> {
    /// Says what could not be set up.
    fn or_set_up(self, what: &'static str) -> Result<T, SetUpError>;
}

impl<T, E: Into<Box<dyn std::error::Error + Send + Sync>>> OrSetUp<T> for Result<T, E> {
    fn or_set_up(self, what: &'static str) -> Result<T, SetUpError> {
        self.map_err(|error| SetUpError { what, source: error.into() })
    }
}

/// What is for sale, by whom.
pub(super) struct Stage {
    pub(super) seller: SellerId,
    venue: VenueId,
    show: ShowId,
}

/// Builds the hall and puts the show on the bill.
pub(super) async fn set_up(
    office: &BoxOffice,
    seats: u32,
    policy: SalesPolicy,
) -> Result<Stage, SetUpError> {
    let seller = SellerId::generate(&*office.ports().ids);
    let layout = Layout::new(&layout(seats)).or_set_up("hall")?;
    let name = Title::new("Stampede Hall").or_set_up("hall")?;
    let venue = CreateVenue::new(seller, name, layout);
    let venue = office.create_venue(venue).await.or_set_up("hall")?;
    let grades: Result<Vec<_>, LabelError> =
        GRADES.iter().map(|(_, grade, price)| Ok((Grade::new(grade)?, won(*price)))).collect();
    let prices = PriceList::new(grades.or_set_up("prices")?).or_set_up("prices")?;
    let title = Title::new("The Night Everybody Wants").or_set_up("show")?;
    let show = CreateShow {
        commission: BasisPoints::percent(5),
        policy,
        ..CreateShow::new(seller, title, prices)
    };
    let show = office.create_show(show).await.or_set_up("show")?;
    Ok(Stage { seller, venue, show })
}

impl Stage {
    /// Schedules a performance with its line: when its sales open, and when it starts.
    pub(super) async fn schedule(
        &self,
        office: &BoxOffice,
        (opens_at, starts_at): (DateTime<Utc>, DateTime<Utc>),
        active_max: u64,
    ) -> Result<PerformanceId, SetUpError> {
        let Self { seller, venue, show } = *self;
        let performance = SchedulePerformance {
            zone: Tz::Asia__Seoul,
            sales_open_at: Some(opens_at),
            ..SchedulePerformance::new(seller, show, venue, starts_at)
        };
        let performance = office.schedule(performance).await.or_set_up("performance")?;
        let opens_at = Some(opens_at);
        let line = OpenLine { seller, performance, active_max, line_max: LINE_MAX, opens_at };
        office.open_line(line).await.or_set_up("line")?;
        Ok(performance)
    }
}
