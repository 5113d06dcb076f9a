//! Conformance of the random port.
