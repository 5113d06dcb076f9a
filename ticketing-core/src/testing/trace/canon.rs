//! One canonical form for values, and the plain types of the language in it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Encoder;

/// A value that a trace can take in: as bytes for the hash, as text for people.
///
/// Different values of a type MUST write different bytes, the same on every machine and in every build.
/// The text is for reading only; it MUST NOT have secrets in it.
pub trait Canon {
    /// Writes the value's bytes.
    fn canon(&self, out: &mut Encoder);
    /// Writes the value as short text on one line.
    ///
    /// # Errors
    /// Those of the formatter.
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// Shows a value as its [`Canon::show`] does.
#[derive(Clone, Copy)]
pub struct Shown<'a, T: ?Sized>(pub &'a T);

impl<T: Canon + ?Sized> fmt::Display for Shown<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.show(f)
    }
}

impl<T: Canon + ?Sized> fmt::Debug for Shown<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.show(f)
    }
}

/// How many items of a list its text names.
const SHOWN_MAX: usize = 16;

/// Makes structs and enums canonical: every field in the order given, every variant under its number. A
/// field or a variant that is not named does not compile, nor does a number that is given twice.
///
/// The text is the type's `Debug`, or what the function after `shown by` writes.
macro_rules! canon {
    () => {};
    (struct $name:ty { $($field:ident),* $(,)? } $($rest:tt)*) => {
        canon! { struct $name, shown by std::fmt::Debug::fmt, { $($field),* } $($rest)* }
    };
    (struct $name:ty, shown by $show:path, { $($field:ident),* $(,)? } $($rest:tt)*) => {
        impl $crate::testing::trace::Canon for $name {
            fn canon(&self, out: &mut $crate::testing::trace::Encoder) {
                let Self { $($field),* } = self;
                $($crate::testing::trace::Canon::canon($field, out);)*
            }

            fn show(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $show(self, f)
            }
        }
        canon! { $($rest)* }
    };
    (enum $name:ty { $($variants:tt)* } $($rest:tt)*) => {
        canon! { enum $name, shown by std::fmt::Debug::fmt, { $($variants)* } $($rest)* }
    };
    (
        enum $name:ty, shown by $show:path, {
            $($variant:ident $(($($item:ident),*))? $({ $($field:ident),* })? = $number:literal),*
            $(,)?
        }
        $($rest:tt)*
    ) => {
        impl $crate::testing::trace::Canon for $name {
            fn canon(&self, out: &mut $crate::testing::trace::Encoder) {
                #[repr(u8)]
                enum Number {
                    $($variant = $number),*
                }
                match self {
                    $(Self::$variant $(($($item),*))? $({ $($field),* })? => {
                        out.put_u8(Number::$variant as u8);
                        $($($crate::testing::trace::Canon::canon($item, out);)*)?
                        $($($crate::testing::trace::Canon::canon($field, out);)*)?
                    })*
                }
            }

            fn show(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $show(self, f)
            }
        }
        canon! { $($rest)* }
    };
}
pub(super) use canon;

macro_rules! numbers {
    ($($number:ty: $put:ident),* $(,)?) => {$(
        impl Canon for $number {
            fn canon(&self, out: &mut Encoder) {
                out.$put((*self).into());
            }

            fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

numbers! {
    u8: put_u8,
    u16: put_u16,
    u32: put_u32,
    u64: put_u64,
    u128: put_u128,
    i32: put_i64,
    i64: put_i64,
    bool: put_bool,
}

impl Canon for usize {
    fn canon(&self, out: &mut Encoder) {
        out.put_len(*self);
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Canon for str {
    fn canon(&self, out: &mut Encoder) {
        out.put_str(self);
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Canon for String {
    fn canon(&self, out: &mut Encoder) {
        self.as_str().canon(out);
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().show(f)
    }
}

impl Canon for Cow<'_, str> {
    fn canon(&self, out: &mut Encoder) {
        (**self).canon(out);
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).show(f)
    }
}

impl Canon for Uuid {
    fn canon(&self, out: &mut Encoder) {
        out.put_u128(self.as_u128());
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Microseconds since the epoch: no clock is more precise.
impl Canon for DateTime<Utc> {
    fn canon(&self, out: &mut Encoder) {
        out.put_i64(self.timestamp_micros());
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Whole microseconds.
impl Canon for Duration {
    fn canon(&self, out: &mut Encoder) {
        out.put_u128(self.as_micros());
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl<T: Canon + ?Sized> Canon for &T {
    fn canon(&self, out: &mut Encoder) {
        (**self).canon(out);
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).show(f)
    }
}

/// As the value inside: whether it is shared makes no difference.
impl<T: Canon + ?Sized> Canon for Arc<T> {
    fn canon(&self, out: &mut Encoder) {
        (**self).canon(out);
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).show(f)
    }
}

impl<T: Canon> Canon for Option<T> {
    fn canon(&self, out: &mut Encoder) {
        match self {
            None => out.put_u8(0),
            Some(value) => {
                out.put_u8(1);
                value.canon(out);
            }
        }
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            None => f.write_str("None"),
            Some(value) => f.debug_tuple("Some").field(&Shown(value)).finish(),
        }
    }
}

impl<T: Canon, E: Canon> Canon for Result<T, E> {
    fn canon(&self, out: &mut Encoder) {
        match self {
            Ok(value) => {
                out.put_u8(0);
                value.canon(out);
            }
            Err(error) => {
                out.put_u8(1);
                error.canon(out);
            }
        }
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ok(value) => f.debug_tuple("Ok").field(&Shown(value)).finish(),
            Err(error) => f.debug_tuple("Err").field(&Shown(error)).finish(),
        }
    }
}

/// The length, then the items; the text names the first 16.
impl<T: Canon> Canon for [T] {
    fn canon(&self, out: &mut Encoder) {
        out.put_len(self.len());
        for item in self {
            item.canon(out);
        }
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        list.entries(self.iter().take(SHOWN_MAX).map(Shown));
        if self.len() > SHOWN_MAX { list.finish_non_exhaustive() } else { list.finish() }
    }
}

impl<T: Canon> Canon for Vec<T> {
    fn canon(&self, out: &mut Encoder) {
        self.as_slice().canon(out);
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().show(f)
    }
}

impl Canon for () {
    fn canon(&self, _: &mut Encoder) {}

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("()")
    }
}

macro_rules! tuples {
    ($(($($name:ident: $item:ident),+))*) => {$(
        impl<$($name: Canon),+> Canon for ($($name,)+) {
            fn canon(&self, out: &mut Encoder) {
                let ($($item,)+) = self;
                $($item.canon(out);)+
            }

            fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let ($($item,)+) = self;
                f.debug_tuple("")$(.field(&Shown($item)))+.finish()
            }
        }
    )*};
}

tuples! {
    (A: a)
    (A: a, B: b)
    (A: a, B: b, C: c)
    (A: a, B: b, C: c, D: d)
    (A: a, B: b, C: c, D: d, E: e)
    (A: a, B: b, C: c, D: d, E: e, G: g)
}
