//! Use cases: each one load, one decision, one commit.
