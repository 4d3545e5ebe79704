//! Flags that several commands have.

use super::model::{Flag, Forms, ValueKind};

/// `--help`
pub(super) const HELP: Flag = Flag::both('h', "help", "Show this text and exit.").forms(Forms::ANY);
/// `--version`
pub(super) const VERSION: Flag =
    Flag::long("version", "Show the version and exit.").forms(Forms::ANY);
/// `--accept`
pub(super) const ACCEPT: Flag = Flag::long(
    "accept",
    "Accept that the copy or image lacks a protection: encryption (directories encrypted with fscrypt become plain text), verity (checksums of fs-verity), casefold (directories with chattr +F), snapshots (writable btrfs snapshots are left out). Several are separated by commas. Without this flag such a loss is refused, with the files and directories concerned.",
)
.takes("LOSS[,LOSS]", ValueKind::Choice(&["encryption", "verity", "casefold", "snapshots"]));
/// `-e`
pub(super) const EXCLUDE: Flag = Flag::short(
    'e',
    "Leave out what this list names: one grep pattern per line, matched against paths that begin with ./ (`^./tmp/` is the content of /tmp).",
)
.takes("exclude_list", ValueKind::File);
/// `-x`
pub(super) const LEAVE_OUT: Flag =
    Flag::short('x', "Leave out this path, relative to FROM. May be repeated.")
        .takes("path", ValueKind::Text)
        .repeats();
/// `-D`
pub(super) const DEBUG: Flag = Flag::short(
    'D',
    "Debug: show every command that is run, its output, its exit code and its time.",
);
/// `--events`
pub(super) const EVENTS: Flag = Flag::long(
    "events",
    "Write the events to this open file descriptor too, one JSON object per line.",
)
.takes("FD", ValueKind::Number);
/// `-z`
pub(super) const COMPRESS: Flag = Flag::short(
    'z',
    "Compress: a level from 1 to 19 (zstd), or zstd, gzip, xz or none, with a level after a colon (xz:9). Without -z the file's name decides: .zst, .gz, .xz, else no compression.",
)
.takes("LEVEL", ValueKind::Text);
/// `--block-size`
pub(super) const BLOCK_SIZE: Flag = Flag::long(
    "block-size",
    "On a tape or pipe: the size of a record in bytes, a multiple of 512 up to 1048576. The default is 65536 (`tar -b 128`); tar itself uses 10240.",
)
.takes("BYTES", ValueKind::Number);
