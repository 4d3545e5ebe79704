//! Initramfs images read: several cpio archives ("newc") one after the other, the last ones
//! compressed.
//!
//! Streaming: one member is in memory at a time. Compressed parts go through the program that owns
//! the format, by magic bytes; gzip, zstd and the others are found on the running system.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::error;
use crate::host::cmd::find_program;
use crate::host::threads;
use crate::text::size::format_size;

/// A larger member is a module or a library, never configuration: its content is skipped.
const LARGEST: u64 = 1 << 20;
/// What an image may unpack to: a kernel has it in memory. Scripts of the copy can leave one that
/// would take days to read.
const MAX_UNPACKED: u64 = 8 << 30;

/// The program that decompresses what begins so.
fn decompressor(magic: &[u8]) -> Option<&'static [&'static str]> {
    let all: [(&[u8], &[&str]); 7] = [
        (b"\x1f\x8b", &["gzip", "-dc"]),
        (b"\x28\xb5\x2f\xfd", &["zstd", "-dcq"]),
        (b"\xfd7zXZ\0", &["xz", "-dc"]),
        (b"\x02\x21\x4c\x18", &["lz4", "-dc"]),
        (b"\x04\x22\x4d\x18", &["lz4", "-dc"]),
        (b"BZh", &["bzip2", "-dc"]),
        (b"\x5d\0\0", &["xz", "--format=lzma", "-dc"]),
    ];
    all.into_iter().find(|(m, _)| magic.starts_with(m)).map(|(_, argv)| argv)
}

/// Shows `see` every regular file and link (its target as content) of an image, which is called
/// `image`, by path inside it.
///
/// # Errors
/// If the image cannot be read, is no cpio archive, or its compression's program is missing
/// (ALT-801) or fails.
pub fn members(file: File, image: &Path, see: &mut dyn FnMut(&str, &[u8])) -> Result<()> {
    members_up_to(MAX_UNPACKED, file, see)
        .with_context(|| format!("reading the initramfs {}", image.display()))
}

fn members_up_to(most: u64, file: File, see: &mut dyn FnMut(&str, &[u8])) -> Result<()> {
    check_size(file.metadata()?.len(), most)?;
    archives(&mut BufReader::new(file), most, see)
}

fn check_size(size: u64, most: u64) -> Result<()> {
    if size > most { bail!("it has more than {}", format_size(most)) } else { Ok(()) }
}

fn archives(
    input: &mut (impl BufRead + Send),
    most: u64,
    see: &mut dyn FnMut(&str, &[u8]),
) -> Result<()> {
    loop {
        skip_zeros(input)?;
        let head = peek(input)?;
        if head.is_empty() {
            return Ok(());
        }
        if head.starts_with(b"07070") {
            archive(input, see)?;
        } else if let Some(argv) = decompressor(&head) {
            // A compressed part reaches to the end of the image.
            return decompressed(argv, input, most, see);
        } else {
            bail!("an unknown compression (it begins with {:02x?})", &head[..head.len().min(6)]);
        }
    }
}

fn peek(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let buffer = input.fill_buf()?;
    Ok(buffer[..buffer.len().min(8)].to_vec())
}

fn skip_zeros(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let zeros = buffer.iter().take_while(|b| **b == 0).count();
        let more = zeros > 0 && zeros == buffer.len();
        input.consume(zeros);
        if !more {
            return Ok(());
        }
    }
}

fn decompressed(
    argv: &[&str],
    input: &mut (impl Read + Send),
    most: u64,
    see: &mut dyn FnMut(&str, &[u8]),
) -> Result<()> {
    let program = find_program(Path::new("/"), argv[0]).ok_or_else(|| {
        error::PROGRAM_MISSING
            .with_cause(format!("`{}` was not found (it reads this initramfs)", argv[0]))
    })?;
    let mut command = Command::new(program);
    command.args(&argv[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().with_context(|| format!("starting {}", argv[0]))?;
    let done = feed(&mut child, input, most, see);
    if done.is_err() {
        // The error is what counts; the program may have ended by itself.
        drop(child.kill());
    }
    let status = child.wait()?;
    done?;
    if status.success() { Ok(()) } else { bail!("{} failed ({status})", argv[0]) }
}

fn feed(
    child: &mut Child,
    input: &mut (impl Read + Send),
    most: u64,
    see: &mut dyn FnMut(&str, &[u8]),
) -> Result<()> {
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (Some(mut stdin), Some(stdout)) = (stdin, stdout) else { bail!("no pipe to the program") };
    std::thread::scope(|s| {
        // That it stops reading early is seen by its exit status.
        threads::start_in(s, "feed", move || drop(io::copy(input, &mut stdin)))?;
        // The program ends when nobody reads on.
        let mut out = BufReader::new(stdout.take(most.saturating_add(1)));
        let read = packed(&mut out, see);
        // What is left must be read, or the program and the thread that feeds it would wait for
        // ever.
        io::copy(&mut out, &mut io::sink())?;
        let left = out.get_ref().limit();
        check_size(most.saturating_add(1) - left, most)?;
        read
    })
}

/// The archives of a compressed part.
fn packed(input: &mut impl BufRead, see: &mut dyn FnMut(&str, &[u8])) -> Result<()> {
    loop {
        skip_zeros(input)?;
        match peek(input)? {
            head if head.is_empty() => return Ok(()),
            head if head.starts_with(b"07070") => archive(input, see)?,
            head => bail!("no cpio archive inside (it begins with {head:02x?})"),
        }
    }
}

/// One archive up to its trailer.
fn archive(input: &mut impl Read, see: &mut dyn FnMut(&str, &[u8])) -> Result<()> {
    const HEADER: usize = 110;
    loop {
        let mut header = [0u8; HEADER];
        input.read_exact(&mut header).context("a cpio header is cut off")?;
        if !header.starts_with(b"070701") && !header.starts_with(b"070702") {
            bail!("a cpio header was expected");
        }
        let field = |i: usize| -> Result<u64> {
            let text = std::str::from_utf8(&header[6 + i * 8..14 + i * 8])
                .context("a cpio header with other than digits")?;
            u64::from_str_radix(text, 16).context("a cpio header with other than digits")
        };
        let (mode, size, name_len) = (field(1)?, field(6)?, field(11)?);
        if name_len == 0 || name_len > 4096 {
            bail!("a cpio name of {name_len} bytes");
        }
        let mut name = vec![0u8; usize::try_from(name_len)?];
        input.read_exact(&mut name)?;
        name.pop();
        skip(input, padding(HEADER as u64 + name_len))?;
        let name = String::from_utf8_lossy(&name).into_owned();
        if name == "TRAILER!!!" {
            return Ok(());
        }
        let kind = mode & 0o170_000;
        if (kind == 0o100_000 || kind == 0o120_000) && size <= LARGEST {
            let mut content = vec![0u8; usize::try_from(size)?];
            input.read_exact(&mut content)?;
            see(name.trim_start_matches("./"), &content);
        } else {
            skip(input, size)?;
        }
        skip(input, padding(size))?;
    }
}

fn padding(n: u64) -> u64 {
    (4 - n % 4) % 4
}

fn skip(input: &mut impl Read, n: u64) -> Result<()> {
    let skipped = io::copy(&mut input.take(n), &mut io::sink())?;
    if skipped == n { Ok(()) } else { bail!("a cpio archive is cut off") }
}

/// Tests, and archives for the tests of other modules.
#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::host::cmd::Cmd;

    /// A newc archive of these files.
    pub fn newc(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = vec![];
        for (name, content) in files.iter().chain(&[("TRAILER!!!", b"".as_slice())]) {
            let fields = [1, 0o100_644, 0, 0, 1, 0, content.len(), 0, 0, 0, 0, name.len() + 1, 0];
            let head: String = fields.iter().map(|f| format!("{f:08X}")).collect();
            out.extend_from_slice(format!("070701{head}{name}\0").as_bytes());
            out.resize(out.len().next_multiple_of(4), 0);
            out.extend_from_slice(content);
            out.resize(out.len().next_multiple_of(4), 0);
        }
        out.resize(out.len().next_multiple_of(512), 0);
        out
    }

    fn seen(image: &[u8]) -> Result<Vec<(String, Vec<u8>)>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("initrd");
        std::fs::write(&path, image).unwrap();
        let mut all = vec![];
        members(File::open(&path)?, &path, &mut |name: &str, content: &[u8]| {
            all.push((name.to_owned(), content.to_vec()))
        })?;
        Ok(all)
    }

    #[test]
    fn archives_one_after_the_other_in_every_compression() {
        let early = newc(&[("kernel/x86/microcode/x.bin", b"\0code")]);
        let main =
            newc(&[("conf/conf.d/resume", b"RESUME=x\n"), ("a", b""), ("./etc/fstab", b"abcd")]);
        let mut tried = 0;
        for argv in [
            &["cat"][..],
            &["gzip", "-c"],
            &["zstd", "-cq"],
            &["xz", "-c"],
            &["lz4", "-lc"],
            &["lz4", "-c"],
            &["bzip2", "-c"],
            &["xz", "--format=lzma", "-c"],
        ] {
            if find_program(Path::new("/"), argv[0]).is_none() {
                println!("skipped: {} is not installed", argv[0]);
                continue;
            }
            let packed = Cmd::new(argv[0], "pack")
                .args(&argv[1..])
                .stdin(main.clone())
                .read()
                .unwrap()
                .stdout;
            let all = seen(&[early.as_slice(), &packed].concat()).unwrap();
            let names: Vec<&str> = all.iter().map(|(n, _)| n.as_str()).collect();
            assert_eq!(
                names,
                ["kernel/x86/microcode/x.bin", "conf/conf.d/resume", "a", "etc/fstab"],
                "{argv:?}"
            );
            assert_eq!(all[1].1, b"RESUME=x\n");
            tried += 1;
        }
        assert!(tried > 1);
    }

    #[test]
    fn no_image_is_read_without_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("initrd");
        let size = |most: u64, image: &[u8]| {
            std::fs::write(&path, image).unwrap();
            members_up_to(most, File::open(&path).unwrap(), &mut |_, _| {}).map_err(error_text)
        };
        let error = "it has more than 1 MiB";
        // A hole.
        std::fs::write(&path, "").unwrap();
        let hole = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        hole.set_len(1 << 40).unwrap();
        let done = members(File::open(&path).unwrap(), &path, &mut |_, _| {});
        assert!(error_text(done.unwrap_err()).ends_with("it has more than 8 GiB"));
        // Zeros after an archive, a large member, a cut: packed, each is small.
        let mut zeros = newc(&[("a", b"b")]);
        zeros.resize(3 << 20, 0);
        let member = newc(&[("a", &vec![1u8; 3 << 20])]);
        for image in [zeros, member] {
            let packed =
                Cmd::new("gzip", "pack").arg("-c").stdin(image.clone()).read().unwrap().stdout;
            assert!(packed.len() < 1 << 16);
            assert_eq!(size(1 << 20, &packed).unwrap_err(), error);
            size(image.len() as u64, &packed).unwrap();
        }
    }

    fn error_text(e: anyhow::Error) -> String {
        error::chain_of(&e)
    }

    #[test]
    fn what_is_broken_is_an_error() {
        let main = newc(&[("etc/fstab", b"abcd")]);
        assert!(seen(&main[..150]).is_err());
        assert!(seen(b"not an archive").unwrap_err().to_string().contains("initramfs"));
        assert!(seen(b"\x1f\x8bbroken").is_err());
        assert!(seen(b"").unwrap().is_empty());
    }
}
