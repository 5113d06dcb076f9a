//! Conformance of the ids port.
