//! Conformance of the reads port.
