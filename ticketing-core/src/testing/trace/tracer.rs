//! Takes the calls in.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use xxhash_rust::xxh3::Xxh3;

use super::{Canon, Encoder, Shown, TraceHash, TraceKind, TraceLine};
use crate::port::Clock;
use crate::sync::lock;

/// How many calls that are not answered yet are remembered by who made them. Callers that give up leave
/// some behind: the oldest are forgotten.
const OPEN_MAX: usize = 4_096;

type Sink = Box<dyn FnMut(&TraceLine) + Send>;

/// Writes down all calls to the ports, their answers, and what happens to the world, as one hash. Clones
/// share it.
///
/// The order is that of the methods' calls: under one executor with one thread the hash is the same in
/// every run from one seed. The time is not hashed by itself, the arguments carry it.
#[derive(Clone)]
pub struct Tracer(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    hash: Xxh3,
    record: Encoder,
    calls: u64,
    sink: Option<Sink>,
    open: BTreeMap<u64, u16>,
}

impl State {
    /// Hashes one record: what it is, what `write` writes, framed by its length.
    fn take_in(&mut self, what: TraceKind, write: impl FnOnce(&mut Encoder)) {
        self.record.clear();
        self.record.framed(|record| {
            record.put_u8(match what {
                TraceKind::Call => 0,
                TraceKind::Answer => 1,
                TraceKind::Mark => 2,
            });
            write(record);
        });
        self.hash.update(self.record.as_bytes());
    }

    fn opened(&mut self, number: u64, process: u16) {
        if self.open.len() >= OPEN_MAX {
            self.open.pop_first();
        }
        self.open.insert(number, process);
    }
}

impl Tracer {
    /// An empty trace whose lines have this clock's time.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let state = State {
            hash: Xxh3::new(),
            record: Encoder::new(),
            calls: 0,
            sink: None,
            open: BTreeMap::new(),
        };
        Self(Arc::new(Shared { clock, state: Mutex::new(state) }))
    }

    /// Notes a call of `process` and its arguments; gives the number, from 1, under which its answer is
    /// noted.
    pub fn call<A: Canon + ?Sized>(
        &self,
        process: u16,
        port: &'static str,
        call: &'static str,
        args: &A,
    ) -> u64 {
        let state = &mut *lock(&self.0.state);
        state.calls += 1;
        let number = state.calls;
        state.take_in(TraceKind::Call, |record| {
            record.put_u16(process);
            record.put_str(port);
            record.put_str(call);
            args.canon(record);
        });
        if state.sink.is_some() {
            state.opened(number, process);
            self.tell(state, TraceKind::Call, Some(process), number, [port, call], &Shown(args));
        }
        number
    }

    /// Notes what a call answered: a `Result`, or whatever the port gives.
    pub fn answer<R: Canon + ?Sized>(
        &self,
        number: u64,
        port: &'static str,
        call: &'static str,
        answer: &R,
    ) {
        let state = &mut *lock(&self.0.state);
        state.take_in(TraceKind::Answer, |record| {
            record.put_u64(number);
            record.put_str(port);
            record.put_str(call);
            answer.canon(record);
        });
        if state.sink.is_some() {
            let process = state.open.remove(&number);
            self.tell(state, TraceKind::Answer, process, number, [port, call], &Shown(answer));
        }
    }

    /// Notes that something happened to the world: a process died, a clock jumped.
    pub fn mark(&self, what: &'static str, detail: u64) {
        let state = &mut *lock(&self.0.state);
        state.take_in(TraceKind::Mark, |record| {
            record.put_str(what);
            record.put_u64(detail);
        });
        let number = state.calls;
        self.tell(state, TraceKind::Mark, None, number, ["world", what], &detail);
    }

    /// The hash of all that was noted until now.
    pub fn hash(&self) -> TraceHash {
        TraceHash(lock(&self.0.state).hash.digest128())
    }

    /// How many calls were noted.
    pub fn calls(&self) -> u64 {
        lock(&self.0.state).calls
    }

    /// Also hands every line from now on to `sink`, in place of the one before. Without one no text is
    /// ever made. The sink is called under the tracer's lock and must not call the tracer.
    pub fn listen(&self, sink: impl FnMut(&TraceLine) + Send + 'static) {
        lock(&self.0.state).sink = Some(Box::new(sink));
    }

    fn tell(
        &self,
        state: &mut State,
        what: TraceKind,
        process: Option<u16>,
        number: u64,
        [port, call]: [&'static str; 2],
        text: &dyn fmt::Display,
    ) {
        let Some(sink) = &mut state.sink else { return };
        sink(&TraceLine {
            at: self.0.clock.now(),
            process,
            number,
            port: port.into(),
            call: call.into(),
            what,
            text: text.to_string(),
        });
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tracer(..)")
    }
}
