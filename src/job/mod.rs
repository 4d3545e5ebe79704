//! Jobs: what runs, runs on its own. Started under a supervisor, followed by whoever likes to, stopped when asked.
