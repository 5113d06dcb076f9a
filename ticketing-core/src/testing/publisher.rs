//! Conformance of the publisher port.
