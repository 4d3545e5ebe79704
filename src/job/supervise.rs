//! The supervisor of a job.
