//! Conformance of the clock port.
