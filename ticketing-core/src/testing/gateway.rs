//! Conformance of the gateway port.
