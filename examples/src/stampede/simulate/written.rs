//! A trace on its way to a file.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::{Arc, Mutex, PoisonError};

use ticketing_core::testing::trace::TraceLine;

use super::outcome::Listener;

/// Where the trace of a run is written, if anywhere.
pub(super) struct Written(Option<Arc<Mutex<Trace>>>);

impl Written {
    pub(super) fn to(file: Option<File>) -> Self {
        Self(
            file.map(|file| {
                Arc::new(Mutex::new(Trace { file: BufWriter::new(file), failed: None }))
            }),
        )
    }

    pub(super) fn listener(&self) -> Option<Listener> {
        let trace = Arc::clone(self.0.as_ref()?);
        Some(Box::new(move |line| {
            trace.lock().unwrap_or_else(PoisonError::into_inner).write(line);
        }))
    }

    /// # Errors
    /// The first that was met while the trace was written.
    pub(super) fn finish(&self) -> Result<(), std::io::Error> {
        let Some(trace) = &self.0 else { return Ok(()) };
        let mut trace = trace.lock().unwrap_or_else(PoisonError::into_inner);
        match trace.failed.take() {
            Some(error) => Err(error),
            None => trace.file.flush(),
        }
    }
}

/// JSON lines; the first error ends them.
struct Trace {
    file: BufWriter<File>,
    failed: Option<std::io::Error>,
}

impl Trace {
    fn write(&mut self, line: &TraceLine) {
        if self.failed.is_some() {
            return;
        }
        let written = serde_json::to_writer(&mut self.file, line).map_err(std::io::Error::from);
        if let Err(error) = written.and_then(|()| self.file.write_all(b"\n")) {
            self.failed = Some(error);
        }
    }
}
