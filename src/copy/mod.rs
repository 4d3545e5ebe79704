pub mod exclude;
mod pattern;
