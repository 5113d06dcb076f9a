//! Conformance of the timer port.
