//! Conformance of the sample port.
