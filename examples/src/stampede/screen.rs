//! The run as it goes: a funnel with bars on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use ticketing_core::seat::SeatCounts;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::stopwatch::Stopwatch;
use super::world::World;

const BAR_EVERY: Duration = Duration::from_millis(200);
const LINE_EVERY: Duration = Duration::from_secs(1);

/// One look at the run.
struct Snapshot {
    wall: Duration,
    minutes: i64,
    arrived: u64,
    waiting: u64,
    admitted: u64,
    gone: u64,
    reserved: u64,
    paid: u64,
    ticketed: u64,
    voided: u64,
    hall: SeatCounts,
}

impl Snapshot {
    async fn take(world: &World, wall: &Stopwatch) -> Self {
        let funnel = &world.funnel;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Self {
            wall: wall.elapsed(),
            minutes: (world.now() - world.sale().opens_at).num_minutes(),
            arrived: read(&funnel.arrived),
            waiting: read(&funnel.waiting),
            admitted: read(&funnel.admitted),
            gone: funnel.gone(),
            reserved: read(&funnel.told.reserved),
            paid: read(&funnel.told.paid),
            ticketed: read(&funnel.told.ticketed),
            voided: read(&funnel.told.voided),
            hall: world
                .office
                .seat_map(world.sale().performance)
                .await
                .map(|view| view.map.counts())
                .unwrap_or_default(),
        }
    }

    fn clock(&self) -> String {
        let (sign, minutes) =
            if self.minutes < 0 { ("-", -self.minutes) } else { ("+", self.minutes) };
        let (days, minutes) = (minutes / 1_440, minutes % 1_440);
        format!("{sign}{days}d {:02}:{:02}", minutes / 60, minutes % 60)
    }

    fn line(&self, before: Option<&Self>) -> String {
        let rate = before.map_or(0.0, |before| rate(self, before, |look| look.paid));
        let filled = self.hall.sold * 100 / self.hall_seats().max(1);
        format!(
            "{:6.1}s  {}  waiting {:>6}  admitted {:>6}  held {:>5}  reserved {:>6}  paid {:>6}  \
             ticketed {:>6}  refunded {:>5}  hall {filled:>3} %  {rate:>5.0} purchases/s",
            self.wall.as_secs_f64(),
            self.clock(),
            self.waiting,
            self.admitted,
            self.hall.held,
            self.reserved,
            self.paid,
            self.ticketed,
            self.voided,
        )
    }

    const fn hall_seats(&self) -> usize {
        let hall = &self.hall;
        hall.available + hall.held + hall.payment_pending + hall.sold + hall.blocked
    }
}

/// How fast a count grows, per second of wall time.
#[expect(clippy::cast_precision_loss, reason = "a rate for the eye")]
fn rate(now: &Snapshot, before: &Snapshot, of: fn(&Snapshot) -> u64) -> f64 {
    let seconds = now.wall.saturating_sub(before.wall).as_secs_f64().max(0.001);
    of(now).saturating_sub(of(before)) as f64 / seconds
}

/// Shows the run until it is told to stop.
pub(crate) struct Screen {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Screen {
    pub(crate) fn start(world: &Arc<World>, buyers: u32, wall: Stopwatch) -> Self {
        let (stop, stopped) = watch::channel(false);
        let world = Arc::clone(world);
        let task = if std::io::stderr().is_terminal() {
            tokio::spawn(show_bars(world, buyers, wall, stopped))
        } else {
            tokio::spawn(show_lines(world, wall, stopped))
        };
        Self { stop, task }
    }

    /// Draws the last look and ends; a screen that failed shows nothing and harms nobody.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        drop(self.task.await);
    }
}

async fn is_over(stopped: &mut watch::Receiver<bool>, pause: Duration) -> bool {
    let told = tokio::time::timeout(pause, stopped.wait_for(|stop| *stop)).await;
    told.is_ok()
}

async fn show_lines(world: Arc<World>, wall: Stopwatch, mut stopped: watch::Receiver<bool>) {
    let mut before: Option<Snapshot> = None;
    loop {
        let over = is_over(&mut stopped, LINE_EVERY).await;
        let look = Snapshot::take(&world, &wall).await;
        eprintln!("{}", look.line(before.as_ref()));
        if over {
            return;
        }
        before = Some(look);
    }
}

/// The bars of the funnel: a name, what it is a part of, and what it shows.
struct Bars {
    all: MultiProgress,
    head: ProgressBar,
    stages: Vec<(ProgressBar, Gauge)>,
}

/// What a bar shows of a look.
type Gauge = fn(&Snapshot) -> u64;

impl Bars {
    fn new(buyers: u64, seats: u64) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let style = |template: &str| {
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
        };
        let head = all.add(ProgressBar::new(0).with_style(style("{msg}")));
        let stages: [(&'static str, u64, Gauge); 9] = [
            ("gone home", buyers, |look| look.gone),
            ("waiting", buyers, |look| look.waiting),
            ("admitted", buyers, |look| look.admitted),
            ("held", seats, |look| look.hall.held as u64),
            ("reserved", seats, |look| look.hall.payment_pending as u64),
            ("sold", seats, |look| look.hall.sold as u64),
            ("paid", buyers, |look| look.paid),
            ("ticketed", seats, |look| look.ticketed),
            ("refunded", seats, |look| look.voided),
        ];
        let stages = stages.map(|(name, length, of)| {
            let bar = ProgressBar::new(length)
                .with_style(style("{prefix:>10} {bar:40.cyan/blue} {human_pos:>9} {msg}"))
                .with_prefix(name);
            (all.add(bar), of)
        });
        Self { all, head, stages: stages.into() }
    }

    fn draw(&self, look: &Snapshot, before: Option<&Snapshot>) {
        self.head.set_message(format!(
            "{:5.1} s   {} since sales opened   {} buyers came   hall {} % full",
            look.wall.as_secs_f64(),
            look.clock(),
            look.arrived,
            look.hall.sold * 100 / look.hall_seats().max(1),
        ));
        for (bar, of) in &self.stages {
            bar.set_position(of(look));
            if let Some(before) = before {
                bar.set_message(format!("{:>6.0}/s", rate(look, before, *of)));
            }
        }
    }
}

async fn show_bars(
    world: Arc<World>,
    buyers: u32,
    wall: Stopwatch,
    mut stopped: watch::Receiver<bool>,
) {
    let bars = Bars::new(u64::from(buyers), u64::from(world.capacity));
    let mut before: Option<Snapshot> = None;
    loop {
        let over = is_over(&mut stopped, BAR_EVERY).await;
        let look = Snapshot::take(&world, &wall).await;
        bars.draw(&look, before.as_ref());
        if over {
            break;
        }
        // Rates over a second, not over a frame.
        if before.as_ref().is_none_or(|before| look.wall.saturating_sub(before.wall) >= LINE_EVERY)
        {
            before = Some(look);
        }
    }
    for (bar, _) in &bars.stages {
        bar.abandon();
    }
    bars.head.abandon();
    drop(bars.all);
}
