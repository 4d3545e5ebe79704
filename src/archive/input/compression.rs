//! The kinds of compression, recognised by the first bytes.

/// How an image is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    None,
    Zstd,
    Gzip,
    Xz,
    /// The program that unpacks it.
    Other(&'static str),
}

impl Compression {
    /// By the first bytes: a header block of tar, or the magic number of a compression.
    pub fn detect(start: &[u8]) -> Self {
        if start.get(257..262) == Some(b"ustar") {
            return Self::None;
        }
        let magic_numbers: [(&[u8], Self); 12] = [
            (b"\x28\xb5\x2f\xfd", Self::Zstd),
            (b"\x1f\x8b", Self::Gzip),
            (b"\xfd7zXZ\0", Self::Xz),
            (b"BZh", Self::Other("bzip2")),
            (b"\x04\x22\x4d\x18", Self::Other("lz4")),
            (b"\x02\x21\x4c\x18", Self::Other("lz4")),
            (b"LZIP", Self::Other("lzip")),
            (b"\x89LZO", Self::Other("lzop")),
            (b"\x1f\x9d", Self::Other("gzip")),
            (b"\x5d\0\0", Self::Other("xz")),
            (b"7z\xbc\xaf", Self::Other("7z")),
            (b"PK\x03\x04", Self::Other("unzip")),
        ];
        if is_skippable(start) {
            return Self::Zstd;
        }
        magic_numbers
            .iter()
            .find(|(magic, _)| start.starts_with(magic))
            .map_or(Self::None, |(_, found)| *found)
    }
}

/// A frame of zstd's (and lz4's) that holds no data.
pub fn is_skippable(start: &[u8]) -> bool {
    matches!(start, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}
