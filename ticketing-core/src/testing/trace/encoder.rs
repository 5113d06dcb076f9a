//! Bytes in one form on every machine.

use serde::Serialize;

/// Where values write their canonical bytes: fixed width, little endian, lengths as 64 bits.
///
/// No value is written whose width depends on the machine, and none whose bytes depend on the build.
/// What is written is meant to be hashed, not to be read again.
#[derive(Debug, Default)]
pub struct Encoder {
    bytes: Vec<u8>,
}

macro_rules! fixed_width {
    ($($put:ident: $number:ty),* $(,)?) => {$(
        #[doc = concat!("Writes ", stringify!($number), " at its full width.")]
        pub fn $put(&mut self, number: $number) {
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
    )*};
}

impl Encoder {
    /// Nothing written yet.
    pub const fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    /// What was written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    fixed_width! {
        put_u8: u8,
        put_u16: u16,
        put_u32: u32,
        put_u64: u64,
        put_u128: u128,
        put_i64: i64,
    }

    /// Writes one byte: 0 or 1.
    pub fn put_bool(&mut self, value: bool) {
        self.put_u8(value.into());
    }

    /// Writes how many items follow, as 64 bits.
    pub fn put_len(&mut self, items: usize) {
        self.put_u64(items as u64);
    }

    /// Writes the length and then the bytes, so that neighbours do not run into each other.
    pub fn put_bytes(&mut self, bytes: &[u8]) {
        self.put_len(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes a text as its bytes in UTF-8, the length first.
    pub fn put_str(&mut self, text: &str) {
        self.put_bytes(text.as_bytes());
    }

    /// Writes a value's JSON, the length first. It takes in every field that is stored, those that are
    /// added later too; slower than the fixed widths.
    ///
    /// # Panics
    /// If the value's `Serialize` fails, which derived implementations without maps never do.
    pub fn put_json<T: Serialize + ?Sized>(&mut self, value: &T) {
        self.framed(|out| {
            serde_json::to_writer(&mut out.bytes, value).expect("stored values serialise");
        });
    }

    /// Writes the length of what `write` writes, and then that.
    pub(super) fn framed(&mut self, write: impl FnOnce(&mut Self)) {
        let frame = self.bytes.len();
        self.put_u64(0);
        let content = self.bytes.len();
        write(self);
        let length = (self.bytes.len() - content) as u64;
        self.bytes[frame..content].copy_from_slice(&length.to_le_bytes());
    }

    /// Forgets what was written and keeps the room.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Encoder)) -> Vec<u8> {
        let mut out = Encoder::new();
        write(&mut out);
        out.bytes
    }

    #[test]
    fn numbers_have_one_width_and_one_order() {
        assert_eq!(written(|out| out.put_u16(0x0102)), [2, 1]);
        assert_eq!(written(|out| out.put_u32(1)), [1, 0, 0, 0]);
        assert_eq!(written(|out| out.put_i64(-2)), [0xfe, 255, 255, 255, 255, 255, 255, 255]);
        assert_eq!(written(|out| out.put_len(3)), [3, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(written(|out| out.put_bool(true)), [1]);
        assert_eq!(written(|out| out.put_u128(u128::MAX)), [255; 16]);
    }

    #[test]
    fn texts_side_by_side_do_not_run_into_each_other() {
        let two = |left, right| {
            written(|out| {
                out.put_str(left);
                out.put_str(right);
            })
        };
        assert_ne!(two("ab", "c"), two("a", "bc"));
        assert_ne!(two("", "a"), two("a", ""));
    }

    #[test]
    fn a_frame_says_how_long_its_content_is() {
        let json = written(|out| out.put_json(&[1, 2]));
        assert_eq!(json, written(|out| out.put_str("[1,2]")));
        let nested = written(|out| out.framed(|out| out.framed(|out| out.put_u8(7))));
        assert_eq!(
            nested,
            written(|out| {
                out.put_len(9);
                out.put_bytes(&[7]);
            })
        );
    }
}
