//! One call, whatever port it goes to.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use super::failure::{MadeToFail, Spot};
use super::rates::{Group, Kind};
use super::weather::{Effect, Failing, Late, Weather};
use crate::testing::trace::Canon;

/// A port with weather before it.
pub(super) struct Decorated<P: ?Sized> {
    pub(super) inner: Arc<P>,
    pub(super) weather: Weather,
    pub(super) process: u16,
    pub(super) port: &'static str,
}

impl<P: ?Sized> fmt::Debug for Decorated<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decorated({})", self.port)
    }
}

/// What is known of a method.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) name: &'static str,
    pub(super) group: Group,
    pub(super) effect: Effect,
}

/// What a method of a port gives.
pub(super) type Answer<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

impl<P: ?Sized + Send + Sync> Decorated<P> {
    /// Makes a call: notes it, gives way, lets it suffer what the weather holds for it, gives way, notes
    /// the answer. `age` may give another value for the one that was found.
    pub(super) async fn run<'a, A, T, E>(
        &'a self,
        call: Call,
        args: A,
        make: impl Fn(&'a P, A) -> Answer<'a, T, E> + Send,
        age: impl FnOnce(&Weather, Option<u64>, T) -> T + Send,
    ) -> Result<T, E>
    where
        A: Canon + Clone + Send,
        T: Canon + Send,
        E: Canon + MadeToFail<A> + Send,
    {
        let tracer = self.weather.tracer();
        let number = tracer.map(|tracer| tracer.call(self.process, self.port, call.name, &args));
        self.weather.give_way().await;
        let answer = self.suffer(call, number, args, make).await;
        let answer = answer.map(|found| age(&self.weather, number, found));
        self.weather.give_way().await;
        if let (Some(tracer), Some(number)) = (tracer, number) {
            tracer.answer(number, self.port, call.name, &answer);
        }
        answer
    }

    async fn suffer<'a, A, T, E>(
        &'a self,
        call: Call,
        number: Option<u64>,
        args: A,
        make: impl Fn(&'a P, A) -> Answer<'a, T, E> + Send,
    ) -> Result<T, E>
    where
        A: Clone + Send,
        T: Send,
        E: MadeToFail<A> + Send,
    {
        let drawn = self.weather.draw(call.group, call.effect);
        let note = |kind| self.weather.note(call.group, kind, number);
        let spot = Spot { port: self.port, call: call.name };
        let mut late_answer = None;
        if let Some(late) = drawn.late {
            note(Kind::Delay);
            match late {
                Late::Call(by) => self.weather.wait(by).await,
                Late::Answer(by) => late_answer = Some(by),
            }
        }
        let lost = match drawn.failing {
            None => None,
            Some(Failing::Before { coin }) => {
                note(Kind::Before);
                return Err(E::before(spot, coin));
            }
            Some(Failing::After) => Some(E::after(spot, &args)),
        };
        if drawn.is_repeated {
            drop(make(&self.inner, args.clone()).await);
            note(Kind::Twice);
            self.weather.give_way().await;
            if let Some(by) = late_answer.take() {
                self.weather.wait(by).await;
            }
        }
        let answer = make(&self.inner, args).await;
        if let Some(by) = late_answer {
            self.weather.wait(by).await;
        }
        if let Some(lost) = lost {
            note(Kind::After);
            return Err(lost);
        }
        answer
    }
}

/// Implements a port for [`Decorated`] from a list of its methods, each with its [`Effect`].
macro_rules! decorate {
    ($port:ident in $group:ident:
        $($effect:ident $call:ident($($arg:ident: $type:ty),*) -> $answer:ty $(=> $age:ident)?;)*
    ) => {
        #[async_trait]
        impl $port for Decorated<dyn $port> {
            $(async fn $call(&self, $($arg: $type),*) -> $answer {
                const CALL: Call = Call {
                    name: stringify!($call),
                    group: Group::$group,
                    effect: Effect::$effect,
                };
                self.run(
                    CALL,
                    ($($arg,)*),
                    |port, ($($arg,)*)| port.$call($($arg),*),
                    decorate!(@age $($age)?),
                )
                .await
            })*
        }
    };
    (@age) => { |_, _, found| found };
    (@age $age:ident) => { Weather::$age };
}
pub(super) use decorate;
