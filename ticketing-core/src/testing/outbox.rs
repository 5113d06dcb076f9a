//! Conformance of the outbox port.
