//! Writable btrfs snapshots: systems of containers (machinectl clone), layers of images, trees that
//! somebody works in. They are data, and are cloned as subvolumes of their own unless the user
//! accepted their loss. What they share with others on disk is copied for each.
//!
//! Read-only snapshots are pictures of the past and are not cloned;
//! [`crate::engine::facts::source`] says how many there are, and where.

use crate::engine::facts::Facts;
use crate::engine::facts::protections::named;
use crate::engine::request::Loss;
use crate::error;
use crate::image::data::{Fs, ImageData};

/// Takes the writable snapshots out of the layout where that was accepted, and says of each what
/// becomes of it; and which subvolumes an image.data leaves out.
pub fn apply_choice(
    image: &mut ImageData,
    facts: &Facts,
    accepted: &[Loss],
    warnings: &mut Vec<String>,
    notes: &mut Vec<String>,
) {
    let source = &facts.source;
    for fs in &mut image.fs_data {
        let Some(now) = source.image.fs_data.iter().find(|s| s.fs_name == fs.fs_name) else {
            continue;
        };
        let kept = |path: &str| fs.subvolume.iter().any(|s| s.path == path);
        let gone: Vec<String> =
            now.subvolume.iter().filter(|s| !kept(&s.path)).map(|s| s.path.clone()).collect();
        warnings.extend(named(
            &gone,
            &format!(
                "(a btrfs subvolume of {}) is not in image.data: it is not cloned",
                fs.fs_name
            ),
        ));
        let snapshots = writable_snapshots(fs, &source.snapshots);
        let about = |what: &str| format!("(a writable btrfs snapshot on {}) {what}", fs.fs_name);
        if accepted.contains(&Loss::Snapshots) {
            warnings.extend(named(
                &snapshots,
                &about("is not cloned: an empty directory takes its place"),
            ));
            take_out(fs, &snapshots);
        } else {
            notes.extend(named(&snapshots, &about("is cloned as a subvolume of its own: the copy shares no blocks, and takes more room")));
        }
    }
}

/// The error of a layout that does not fit; another one where it would without the writable
/// snapshots (`fits` tries that). `known`: as for [`writable_snapshots`].
pub fn explain_no_room(
    e: anyhow::Error,
    image: &ImageData,
    known: &[(String, String)],
    fits: &dyn Fn(&ImageData) -> anyhow::Result<()>,
) -> anyhow::Error {
    let mut less = image.clone();
    let mut all = vec![];
    for fs in &mut less.fs_data {
        let snapshots = writable_snapshots(fs, known);
        take_out(fs, &snapshots);
        all.extend(snapshots);
    }
    if all.is_empty() || fits(&less).is_err() {
        return e;
    }
    let cause = error::cause(&e);
    let lines = named(&all, "is a writable btrfs snapshot");
    let remedy = format!(
        "name a larger disk, or say that these may be left out: `--accept {}`",
        Loss::Snapshots.word()
    );
    let more = format!("\n  {}", lines.join("\n  "));
    error::NO_ROOM_FOR_SNAPSHOTS
        .with_remedy((format!("{cause}; without these there would be room:"), more), remedy)
}

/// Paths of a file system's writable snapshots that are to be cloned. `known`: mount point of the
/// file system, path.
pub fn writable_snapshots(fs: &Fs, known: &[(String, String)]) -> Vec<String> {
    let is_one =
        |path: &str| known.iter().any(|(name, snapshot)| *name == fs.fs_name && path == snapshot);
    fs.subvolume
        .iter()
        .filter(|s| s.mount_point.is_none() && is_one(&s.path))
        .map(|s| s.path.clone())
        .collect()
}

fn take_out(fs: &mut Fs, snapshots: &[String]) {
    fs.subvolume.retain(|s| {
        !snapshots.iter().any(|gone| s.path == *gone || s.path.starts_with(&format!("{gone}/")))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::data::Subvolume;

    #[test]
    fn snapshots_without_which_it_would_fit_are_named() {
        let subvolume = |path: &str| Subvolume { path: path.into(), ..Subvolume::default() };
        let fs = Fs {
            fs_name: "/".into(),
            subvolume: vec![subvolume("m/base"), subvolume("m/web")],
            ..Fs::default()
        };
        let image = ImageData { fs_data: vec![fs], ..ImageData::default() };
        let known = [("/".to_owned(), "m/web".to_owned())];
        let small = || error::TOO_SMALL.with_cause("it needs 9 GiB");
        let fits = |less: &ImageData| {
            if less.fs_data[0].subvolume.len() == 1 { Ok(()) } else { Err(small()) }
        };
        let err = explain_no_room(small(), &image, &known, &fits);
        let alt = error::find(&err).unwrap();
        assert_eq!(alt.entry.id, "ALT-336");
        assert!(
            alt.cause.contains("9 GiB")
                && alt.cause.contains("m/web is a writable")
                && !alt.cause.contains("m/base"),
            "{}",
            alt.cause
        );
        assert!(alt.remedy.contains("`--accept snapshots`"), "{}", alt.remedy);
        // They are not the reason, or there are none.
        for (known, fits) in [(&known[..], false), (&[], true)] {
            let tried = |_: &ImageData| if fits { Ok(()) } else { Err(small()) };
            assert_eq!(
                error::find(&explain_no_room(small(), &image, known, &tried)).unwrap().entry.id,
                "ALT-320"
            );
        }
    }

    #[test]
    fn what_is_nested_goes_with_it() {
        let subvolume = |path: &str, at: Option<&str>| Subvolume {
            path: path.into(),
            mount_point: at.map(str::to_owned),
            options: String::new(),
        };
        let known: Vec<(String, String)> =
            ["@", "@/m/web", "gone"].map(|p| ("/".to_owned(), p.to_owned())).into();
        let mut fs = Fs {
            fs_name: "/".into(),
            subvolume: vec![
                subvolume("@", Some("/")),
                subvolume("@/m/base", None),
                subvolume("@/m/web", None),
                subvolume("@/m/web/in", None),
            ],
            ..Fs::default()
        };
        let snapshots = writable_snapshots(&fs, &known);
        assert_eq!(snapshots, ["@/m/web"], "what is mounted is not a snapshot to leave out");
        take_out(&mut fs, &snapshots);
        assert_eq!(
            fs.subvolume.iter().map(|s| s.path.as_str()).collect::<Vec<_>>(),
            ["@", "@/m/base"]
        );
    }
}
