//! Conformance of the store port.
