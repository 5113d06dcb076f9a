//! Conformance of the rate_limit port.
