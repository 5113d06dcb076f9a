//! Conformance of the holds port.
