//! Conformance of the waiting_room port.
