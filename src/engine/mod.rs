//! The phase engine: request, facts, plan, steps, journal, clean-up.

pub mod request;
