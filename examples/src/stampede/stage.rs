//! What is set up before the first buyer comes: the hall, the show, its one performance, its line.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use ticketing_core::box_office::{
    BoxOffice, CreateShow, CreateVenue, OpenLine, SchedulePerformance,
};
use ticketing_core::id::{PerformanceId, SellerId};
use ticketing_core::label::{Grade, LabelError, Title};
use ticketing_core::layout::Layout;
use ticketing_core::money::BasisPoints;
use ticketing_core::policy::SalesPolicy;
use ticketing_core::service::waiting::LINE_MAX;
use ticketing_core::show::PriceList;

use super::hall::{GRADES, layout, won};

/// From the beginning until sales open: who comes earlier waits.
pub(crate) const OPENS_AFTER: Duration = Duration::from_mins(2);
const STARTS_AFTER: TimeDelta = TimeDelta::days(30);

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

/// What is for sale.
pub(super) struct Hall {
    pub(super) seats: u32,
    pub(super) policy: SalesPolicy,
    pub(super) opens_at: DateTime<Utc>,
    pub(super) active_max: u64,
}

pub(super) async fn set_up(office: &BoxOffice, hall: Hall) -> Result<PerformanceId, SetUpError> {
    let seller = SellerId::generate(&*office.ports().ids);
    let now = office.ports().clock.now();
    let layout = Layout::new(&layout(hall.seats)).or_set_up("hall")?;
    let name = Title::new("Stampede Hall").or_set_up("hall")?;
    let venue = CreateVenue::new(seller, name, layout);
    let venue = office.create_venue(venue).await.or_set_up("hall")?;
    let grades: Result<Vec<_>, LabelError> =
        GRADES.iter().map(|(_, grade, price)| Ok((Grade::new(grade)?, won(*price)))).collect();
    let prices = PriceList::new(grades.or_set_up("prices")?).or_set_up("prices")?;
    let title = Title::new("The Night Everybody Wants").or_set_up("show")?;
    let show = CreateShow {
        commission: BasisPoints::percent(5),
        policy: hall.policy,
        ..CreateShow::new(seller, title, prices)
    };
    let show = office.create_show(show).await.or_set_up("show")?;
    let performance = SchedulePerformance {
        zone: Tz::Asia__Seoul,
        sales_open_at: Some(hall.opens_at),
        ..SchedulePerformance::new(seller, show, venue, now + STARTS_AFTER)
    };
    let performance = office.schedule(performance).await.or_set_up("performance")?;
    let line = OpenLine {
        seller,
        performance,
        active_max: hall.active_max,
        line_max: LINE_MAX,
        opens_at: Some(hall.opens_at),
    };
    office.open_line(line).await.or_set_up("line")?;
    Ok(performance)
}
