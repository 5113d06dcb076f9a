//! The flush: many change sets decided in one go.
