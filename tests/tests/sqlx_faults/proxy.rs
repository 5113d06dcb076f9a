//! A proxy before a server of MySQL or MariaDB that cuts, delays and holds up what passes through it.

use std::collections::VecDeque;
use std::io::{Error, ErrorKind};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ticketing_core::memory::SeededRandom;
use ticketing_core::port::Random;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

use crate::ledger::pause;

/// What befalls a COMMIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection is cut before the server sees it.
    CutBefore,
    /// The same, and nothing passes until [`Proxy::thaw`].
    CutAndFreeze,
    /// Half of it arrives, then the connection is cut.
    CutWithin,
    /// The connection is cut as soon as the server has it.
    CutAtOnce,
    /// The connection is cut when the server has answered; the answer is lost.
    CutAfter,
    /// It arrives so late, even if its sender is gone by then.
    Late(Duration),
    /// It arrives, and the answer waits for [`Proxy::thaw`].
    HoldAnswer,
    /// It waits for [`Proxy::thaw`], and arrives then.
    HoldBack,
}

/// Commands of the protocol.
const PREPARE: u8 = 0x16;
const EXECUTE: u8 = 0x17;

struct Shared {
    to: String,
    /// What befalls the next commits.
    script: Mutex<VecDeque<Fault>>,
    /// After so many bytes from the client a connection is cut.
    cut_after: Mutex<Option<Range<u64>>>,
    random: SeededRandom,
    is_frozen: watch::Sender<bool>,
    thawed: Notify,
    is_mute: AtomicBool,
    met: AtomicUsize,
}

/// A proxy that ends with its runtime.
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    url: String,
}

impl Proxy {
    /// Before the server of a URL such as `mysql://user:password@host:port/database`.
    pub(crate) async fn before(url: &str, seed: u64) -> Self {
        let (user, rest) = url.split_once('@').expect("a URL with a user");
        let (to, database) = rest.split_once('/').expect("a URL with a database");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            to: to.to_owned(),
            script: Mutex::default(),
            cut_after: Mutex::default(),
            random: SeededRandom::new(seed),
            is_frozen: watch::Sender::new(false),
            thawed: Notify::new(),
            is_mute: AtomicBool::new(false),
            met: AtomicUsize::new(0),
        });
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(Arc::clone(&serving), client));
            }
        });
        // Unencrypted, or it could not tell a COMMIT.
        Self { shared, url: format!("{user}@{address}/{database}?ssl-mode=DISABLED") }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The next commits meet these, one each.
    pub(crate) fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        self.shared.script.lock().unwrap_or_else(PoisonError::into_inner).extend(faults);
    }

    /// Forgets the faults that no commit met.
    pub(crate) fn calm(&self) {
        self.shared.script.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.cut_after(None);
        self.thaw();
    }

    /// New connections are cut when so many bytes came from the client, or no more.
    pub(crate) fn cut_after(&self, bytes: Option<Range<u64>>) {
        *self.shared.cut_after.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
    }

    /// Nothing passes until [`Self::thaw`]; what is sent meanwhile arrives then.
    pub(crate) fn freeze(&self) {
        self.shared.is_frozen.send_replace(true);
    }

    /// Lets everything pass that was held up.
    pub(crate) fn thaw(&self) {
        self.shared.is_frozen.send_replace(false);
        self.shared.thawed.notify_waiters();
    }

    /// Sessions that run a prepared statement meanwhile hear nothing any more, not even afterwards. Pings and
    /// new sessions pass.
    pub(crate) fn mute(&self, is_mute: bool) {
        self.shared.is_mute.store(is_mute, Ordering::Release);
    }

    /// How many faults have happened.
    pub(crate) fn met(&self) -> usize {
        self.shared.met.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn next(&self) -> Option<Fault> {
        let fault = self.script.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        self.met.fetch_add(usize::from(fault.is_some()), Ordering::Relaxed);
        fault
    }

    async fn melted(&self) {
        let mut is_frozen = self.is_frozen.subscribe();
        // It only fails if the sender is gone, which is here.
        let _ = is_frozen.wait_for(|is_frozen| !is_frozen).await;
    }
}

/// What is done with the answers of a connection.
#[derive(Default)]
struct Answers {
    /// The next one ends the connection instead of being passed on.
    cut: AtomicBool,
    /// The next one waits.
    hold: AtomicBool,
}

async fn serve(shared: Arc<Shared>, client: TcpStream) {
    let Ok(server) = TcpStream::connect(&shared.to).await else { return };
    for side in [&client, &server] {
        side.set_nodelay(true).expect("a socket of TCP");
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let answers = Answers::default();
    // Whichever ends first ends both, and drops the sockets.
    let ended = tokio::select! {
        ended = requests(&shared, &answers, from_client, to_server) => ended,
        ended = replies(&shared, &answers, from_server, to_client) => ended,
    };
    drop(ended);
}

async fn requests(
    shared: &Shared,
    answers: &Answers,
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
) -> Result<(), Error> {
    let bytes = shared.cut_after.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut left = bytes.map(|of| of.start + shared.random.next_u64() % (of.end - of.start));
    let mut commits = 0;
    let mut packet = vec![0; 4];
    loop {
        packet.resize(4, 0);
        client.read_exact(&mut packet).await?;
        let length = u32::from_le_bytes([packet[0], packet[1], packet[2], 0]) as usize;
        packet.resize(4 + length, 0);
        client.read_exact(&mut packet[4..]).await?;
        shared.melted().await;
        if let Some(left) = &mut left {
            let size = packet.len() as u64;
            if size >= *left {
                shared.met.fetch_add(1, Ordering::Relaxed);
                server.write_all(&packet[..usize::try_from(*left).unwrap_or(0)]).await?;
                return Err(ErrorKind::ConnectionAborted.into());
            }
            *left -= size;
        }
        if matches!(packet[4..], [PREPARE | EXECUTE, ..]) && shared.is_mute.load(Ordering::Acquire)
        {
            shared.met.fetch_add(1, Ordering::Relaxed);
            return std::future::pending().await;
        }
        // The first one belongs to the settings of the session.
        let is_commit =
            packet[4] == 3 && (packet.ends_with(b"COMMIT") || packet.ends_with(b"COMMIT;"));
        commits += usize::from(is_commit);
        let fault = if is_commit && commits > 1 { shared.next() } else { None };
        match fault {
            Some(fault) => strike(shared, answers, fault, &packet, &mut server).await?,
            None => server.write_all(&packet).await?,
        }
    }
}

/// Does to a COMMIT what was asked for.
async fn strike(
    shared: &Shared,
    answers: &Answers,
    fault: Fault,
    commit: &[u8],
    server: &mut OwnedWriteHalf,
) -> Result<(), Error> {
    let cut = || Err(ErrorKind::ConnectionAborted.into());
    match fault {
        Fault::CutBefore => return cut(),
        Fault::CutAndFreeze => {
            shared.is_frozen.send_replace(true);
            return cut();
        }
        Fault::CutWithin => {
            server.write_all(&commit[..commit.len() / 2]).await?;
            return cut();
        }
        Fault::CutAtOnce => {
            server.write_all(commit).await?;
            return cut();
        }
        Fault::CutAfter => answers.cut.store(true, Ordering::Release),
        Fault::HoldAnswer => answers.hold.store(true, Ordering::Release),
        Fault::Late(by) => pause(by).await,
        Fault::HoldBack => shared.thawed.notified().await,
    }
    server.write_all(commit).await
}

async fn replies(
    shared: &Shared,
    answers: &Answers,
    mut server: OwnedReadHalf,
    mut client: OwnedWriteHalf,
) -> Result<(), Error> {
    let mut bytes = vec![0; 16 * 1_024];
    loop {
        let read = server.read(&mut bytes).await?;
        if read == 0 || answers.cut.load(Ordering::Acquire) {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        if answers.hold.swap(false, Ordering::AcqRel) {
            shared.thawed.notified().await;
        }
        shared.melted().await;
        client.write_all(&bytes[..read]).await?;
    }
}
