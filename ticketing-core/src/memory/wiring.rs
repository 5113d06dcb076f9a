//! All in-memory adapters, wired.

use std::sync::Arc;

use super::{
    ClockIds, FakeGateway, ManualClock, MemoryFraud, MemoryHolds, MemoryPublisher, MemoryRateLimit,
    MemoryStore, MemoryStoreOptions, MemoryUsers, MemoryWaitingRoom, SeededRandom, SystemClock,
};
use crate::port::{Clock, Ports, Random, Timer, TokenSigner};
use crate::signing::{HmacSigner, KeyRing, SigningKey};

/// One in-memory adapter for every port, to be told what to do and asked what happened; [`Self::ports`]
/// wires them. Cloning it shares them.
#[derive(Clone)]
#[allow(missing_docs, reason = "each field is named after its adapter")]
pub struct Memory<C = ManualClock> {
    pub clock: C,
    pub store: MemoryStore,
    pub gateway: Arc<FakeGateway>,
    pub publisher: Arc<MemoryPublisher>,
    pub holds: Arc<MemoryHolds>,
    pub waiting_room: Arc<MemoryWaitingRoom>,
    pub rate_limit: Arc<MemoryRateLimit>,
    pub users: Arc<MemoryUsers>,
    pub fraud: Arc<MemoryFraud>,
    pub ids: Arc<ClockIds>,
    pub random: Arc<SeededRandom>,
    signer: Arc<dyn TokenSigner>,
}

impl<C> std::fmt::Debug for Memory<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Memory(..)")
    }
}

impl Memory {
    /// On a clock that shows the time of now and moves only when told to.
    pub fn new() -> Self {
        Self::at(ManualClock::at(SystemClock.now())).build()
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Clock + Timer + Clone + 'static> Memory<C> {
    /// On a clock of the caller's that is also its timer, such as that of an async runtime.
    pub fn at(clock: C) -> MemoryBuilder<C> {
        MemoryBuilder {
            clock,
            seed: None,
            store: MemoryStoreOptions::default(),
            gateway: None,
            publisher: None,
            signer: None,
        }
    }

    /// The ports over these adapters.
    pub fn ports(&self) -> Ports {
        let store = Arc::new(self.store.clone());
        let clock = Arc::new(self.clock.clone());
        Ports {
            store: Arc::clone(&store) as _,
            layouts: Arc::clone(&store) as _,
            reservations: Arc::clone(&store) as _,
            checkouts: Arc::clone(&store) as _,
            payments: Arc::clone(&store) as _,
            refunds: Arc::clone(&store) as _,
            tickets: Arc::clone(&store) as _,
            ledger: Arc::clone(&store) as _,
            claims: Arc::clone(&store) as _,
            receipts: Arc::clone(&store) as _,
            retention: Arc::clone(&store) as _,
            outbox: store,
            publisher: Arc::clone(&self.publisher) as _,
            holds: Arc::clone(&self.holds) as _,
            waiting_room: Arc::clone(&self.waiting_room) as _,
            rate_limit: Arc::clone(&self.rate_limit) as _,
            gateway: Arc::clone(&self.gateway) as _,
            users: Arc::clone(&self.users) as _,
            fraud: Arc::clone(&self.fraud) as _,
            clock: Arc::clone(&clock) as _,
            timer: clock,
            ids: Arc::clone(&self.ids) as _,
            random: Arc::clone(&self.random) as _,
            signer: Arc::clone(&self.signer),
        }
    }
}

/// Chooses what [`Memory`] is made of; what is not chosen does everything right.
#[must_use]
pub struct MemoryBuilder<C> {
    clock: C,
    seed: Option<u64>,
    store: MemoryStoreOptions,
    gateway: Option<Arc<FakeGateway>>,
    publisher: Option<Arc<MemoryPublisher>>,
    signer: Option<Arc<dyn TokenSigner>>,
}

impl<C> std::fmt::Debug for MemoryBuilder<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MemoryBuilder(..)")
    }
}

impl<C: Clock + Timer + Clone + 'static> MemoryBuilder<C> {
    /// The same ids and the same chance for the same seed; without one, another at every start.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// How the store works.
    pub const fn store(mut self, options: MemoryStoreOptions) -> Self {
        self.store = options;
        self
    }

    /// A gateway that misbehaves.
    pub fn gateway(mut self, gateway: impl Into<Arc<FakeGateway>>) -> Self {
        self.gateway = Some(gateway.into());
        self
    }

    /// A publisher that misbehaves.
    pub fn publisher(mut self, publisher: impl Into<Arc<MemoryPublisher>>) -> Self {
        self.publisher = Some(publisher.into());
        self
    }

    /// A signer with a key of the caller's. Without one, the key is made from the seed and is no
    /// secret: what it signs is for demonstration.
    pub fn signer(mut self, signer: Arc<dyn TokenSigner>) -> Self {
        self.signer = Some(signer);
        self
    }

    /// Wires it.
    pub fn build(self) -> Memory<C> {
        let seeds = self.seed.map_or_else(SeededRandom::from_entropy, SeededRandom::new);
        let clock = Arc::new(self.clock.clone());
        let ids_random = Arc::new(SeededRandom::new(seeds.next_u64()));
        Memory {
            store: MemoryStore::new(Arc::clone(&clock) as _, self.store),
            gateway: self.gateway.unwrap_or_else(|| {
                Arc::new(FakeGateway::new(Arc::clone(&clock) as _, Arc::clone(&clock) as _))
            }),
            publisher: self.publisher.unwrap_or_default(),
            holds: Arc::default(),
            waiting_room: Arc::default(),
            rate_limit: Arc::default(),
            users: Arc::default(),
            fraud: Arc::default(),
            ids: Arc::new(ClockIds::new(clock, ids_random)),
            random: Arc::new(SeededRandom::new(seeds.next_u64())),
            signer: self.signer.unwrap_or_else(|| demo_signer(&seeds)),
            clock: self.clock,
        }
    }
}

fn demo_signer(seeds: &SeededRandom) -> Arc<dyn TokenSigner> {
    let mut bytes = [0; SigningKey::BYTES_MIN];
    for part in bytes.chunks_exact_mut(8) {
        part.copy_from_slice(&seeds.next_u64().to_be_bytes());
    }
    let key = SigningKey::new(&bytes).expect("the length is the least allowed");
    Arc::new(HmacSigner::new(KeyRing::new(key)))
}
