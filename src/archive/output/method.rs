//! How an image is compressed: what `-z` says, or else the name's end.

use std::path::Path;

use anyhow::Result;

use crate::error;

/// A kind of compression with its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    None,
    Zstd(i32),
    Gzip(u32),
    Xz(u32),
}

const ZSTD: i32 = 3;
const GZIP: u32 = 6;
const XZ: u32 = 6;

impl Method {
    /// The value of `-z`: `3`, `zstd`, `zstd:19`, `gzip:9`, `xz`, `none`.
    ///
    /// # Errors
    /// ALT-659.
    pub fn parse(word: &str) -> Result<Self> {
        let wrong = |why: String| error::IMAGE_METHOD.with_cause(why);
        let (name, level) = match word.split_once(':') {
            Some((name, level)) => (name, Some(level)),
            None if word.chars().all(|c| c.is_ascii_digit()) && !word.is_empty() => {
                ("zstd", Some(word))
            }
            None => (word, None),
        };
        let level = |most: u32, least: u32, usual: u32| match level.map(str::parse::<u32>) {
            None => Ok(usual),
            Some(Ok(n)) if (least..=most).contains(&n) => Ok(n),
            Some(_) => Err(wrong(format!("`{word}`: {name} has levels from {least} to {most}"))),
        };
        Ok(match name {
            "zstd" => Self::Zstd(level(19, 1, ZSTD.unsigned_abs())?.cast_signed()),
            "gzip" => Self::Gzip(level(9, 1, GZIP)?),
            "xz" => Self::Xz(level(9, 0, XZ)?),
            "none" if !word.contains(':') => Self::None,
            _ => return Err(wrong(format!("`{word}` is not a compression"))),
        })
    }

    /// By the end of the image's name.
    pub fn of_name(name: &Path) -> Self {
        match name.extension().and_then(|e| e.to_str()) {
            Some("zst" | "tzst") => Self::Zstd(ZSTD),
            Some("gz" | "tgz") => Self::Gzip(GZIP),
            Some("xz" | "txz") => Self::Xz(XZ),
            _ => Self::None,
        }
    }

    /// How much room `bytes` of content will take about: what compresses badly may take more.
    pub fn about(self, bytes: u64) -> u64 {
        if self == Self::None { bytes } else { bytes / 2 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_names() {
        for (word, want) in [
            ("3", Method::Zstd(3)),
            ("19", Method::Zstd(19)),
            ("zstd", Method::Zstd(3)),
            ("zstd:1", Method::Zstd(1)),
            ("gzip", Method::Gzip(6)),
            ("xz:0", Method::Xz(0)),
            ("none", Method::None),
        ] {
            assert_eq!(Method::parse(word).unwrap(), want, "{word}");
        }
        for word in
            ["", "0", "20", "-1", "zstd:", "gzip:0", "none:1", "lz4", "xz:10", "99999999999"]
        {
            assert_eq!(
                error::find(&Method::parse(word).unwrap_err()).unwrap().entry.id,
                "ALT-659",
                "{word}"
            );
        }
        for (name, want) in [
            ("a.tar.zst", Method::Zstd(3)),
            ("a.tgz", Method::Gzip(6)),
            ("x/a.xz", Method::Xz(6)),
            ("zst", Method::None),
            ("/dev/st0", Method::None),
        ] {
            assert_eq!(Method::of_name(Path::new(name)), want, "{name}");
        }
    }
}
