//! Conformance of the signer port.
