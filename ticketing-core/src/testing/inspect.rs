//! Conformance of the inspect port.
