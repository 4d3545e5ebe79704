//! Small images in memory, put together by hand.

use crate::image::manifest::{CHECKSUMS, IMAGE_DATA, MANIFEST, Manifest};
use crate::image::sums;
use crate::testing::archive::{archive, member};

/// An image as ours are: head, files, checksums.
pub fn image(files: &[(&str, &[u8])]) -> Vec<u8> {
    let manifest = Manifest {
        format: 1,
        tool: "altdisk 0".into(),
        checksums: "blake3".into(),
        ..Manifest::default()
    };
    let mut all = vec![
        member(IMAGE_DATA, b'0', b"# layout\n"),
        member(MANIFEST, b'0', &serde_json::to_vec(&manifest).unwrap()),
    ];
    all.extend(files.iter().map(|(path, content)| member(path, b'0', content)));
    let text: Vec<u8> = files
        .iter()
        .flat_map(|(path, content)| sums::line(path.as_bytes(), blake3::hash(content).as_bytes()))
        .collect();
    all.push(member(CHECKSUMS, b'0', &text));
    archive(&all)
}
