//! Conformance of the users port.
