//! How large everything becomes: a pool of bytes shared among volumes, settled before the first
//! write.
//!
//! Same sizes as the source, and `/` takes what is left. Where the pool is smaller than the sizes
//! ask for: a target that is no smaller than the source only lacks room for the new boot
//! partitions, which `/` gives up; anything smaller needs SHRINK, and then every volume gets its
//! floor and a fair share of what is above the floors.

use serde::{Deserialize, Serialize};

/// The request of one volume to the pool. Bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SizeRequest {
    /// The volume, for messages.
    pub what: String,
    /// Its size in the source (or in the edited image.data).
    pub want: u64,
    /// The minimum for its data.
    pub floor: u64,
    /// It takes what is left, and gives up what new boot partitions need.
    pub is_root: bool,
}

/// How the sizes came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The sizes of the source; `/` took what was left.
    AsSource,
    /// `/` gave up this many bytes for the new boot partitions.
    RootGaveUp(u64),
    /// SHRINK made volumes smaller.
    Shrunk,
}

/// Why the pool is too small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSmall {
    /// Bytes that are needed.
    pub needed: u64,
    /// Bytes that are available.
    pub available: u64,
    /// True if the data would fit with SHRINK.
    pub data_would_fit: bool,
}

/// The measures allowed if the pool is too small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizePolicy {
    /// SHRINK = "yes".
    pub shrink: bool,
    /// Bytes that `/` may give up for new boot partitions and for what must be larger than in the
    /// source: what they take, where the targets together are no smaller than the source disks;
    /// else 0.
    pub root_gives_up: u64,
}

/// Shares `available` bytes among `asks`, in units of `unit` bytes. The sizes come in the order of
/// the asks.
///
/// # Errors
/// [`TooSmall`] where it is not allowed, or not possible.
pub fn share(
    asks: &[SizeRequest],
    available: u64,
    unit: u64,
    allowed: SizePolicy,
) -> Result<(Vec<u64>, Outcome), TooSmall> {
    let up = |n: u64| n.div_ceil(unit) * unit;
    let available = available / unit * unit;
    let wants: Vec<u64> = asks.iter().map(|a| up(a.want)).collect();
    let floors: Vec<u64> = asks.iter().zip(&wants).map(|(a, w)| up(a.floor).min(*w)).collect();
    let (wanted, floor): (u64, u64) = (wants.iter().sum(), floors.iter().sum());
    let root = asks.iter().position(|a| a.is_root);
    if wanted <= available {
        let mut sizes = wants;
        if let Some(r) = root {
            sizes[r] += available - wanted;
        }
        return Ok((sizes, Outcome::AsSource));
    }
    let short = wanted - available;
    if let Some(r) =
        root.filter(|r| short <= allowed.root_gives_up && wants[*r] - floors[*r] >= short)
    {
        let mut sizes = wants;
        sizes[r] -= short;
        return Ok((sizes, Outcome::RootGaveUp(short)));
    }
    if !allowed.shrink || floor > available {
        let needed = if allowed.shrink { floor } else { wanted };
        return Err(TooSmall { needed, available, data_would_fit: floor <= available });
    }
    let above: u128 = u128::from(wanted - floor);
    let mut sizes: Vec<u64> = wants
        .iter()
        .zip(&floors)
        .map(|(w, f)| {
            let part = u128::from(w - f) * u128::from(available - floor) / above;
            f + u64::try_from(part).unwrap_or(0) / unit * unit
        })
        .collect();
    if let Some(r) = root {
        sizes[r] += available - sizes.iter().sum::<u64>();
    }
    Ok((sizes, Outcome::Shrunk))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const M: u64 = 1 << 20;

    fn ask(want: u64, floor: u64, is_root: bool) -> SizeRequest {
        SizeRequest { what: String::new(), want: want * M, floor: floor * M, is_root }
    }

    fn allowed(shrink: bool, root_gives_up: bool) -> SizePolicy {
        SizePolicy { shrink, root_gives_up: if root_gives_up { 200 * M } else { 0 } }
    }

    #[test]
    fn tables() {
        let asks = [ask(1000, 400, true), ask(500, 100, false)];
        let run = |mib: u64, a| {
            share(&asks, mib * M, M, a)
                .map(|(s, o)| (s.iter().map(|b| b / M).collect::<Vec<_>>(), o))
        };
        assert_eq!(run(1500, allowed(false, false)), Ok((vec![1000, 500], Outcome::AsSource)));
        assert_eq!(run(2000, allowed(false, false)), Ok((vec![1500, 500], Outcome::AsSource)));
        assert_eq!(
            run(1400, allowed(false, true)),
            Ok((vec![900, 500], Outcome::RootGaveUp(100 * M)))
        );
        assert_eq!(
            run(1400, allowed(false, false)),
            Err(TooSmall { needed: 1500 * M, available: 1400 * M, data_would_fit: true })
        );
        assert_eq!(run(1000, allowed(true, false)), Ok((vec![700, 300], Outcome::Shrunk)));
        assert_eq!(
            run(499, allowed(true, true)),
            Err(TooSmall { needed: 500 * M, available: 499 * M, data_would_fit: false })
        );
        assert_eq!(
            run(499, allowed(false, true)),
            Err(TooSmall { needed: 1500 * M, available: 499 * M, data_would_fit: false })
        );
    }

    proptest! {
        #[test]
        fn never_too_much_never_below_the_floor(
            volumes in prop::collection::vec((1u64..5000, 1u64..5000), 1..6), pool in 1u64..20000, shrink: bool, gives_up: bool, unit in 1u64..9,
        ) {
            let asks: Vec<SizeRequest> = volumes.iter().enumerate().map(|(i, (a, b))| ask(*a.max(b), *a.min(b), i == 0)).collect();
            if let Ok((sizes, _)) = share(&asks, pool * M, unit * M, allowed(shrink, gives_up)) {
                prop_assert!(sizes.iter().sum::<u64>() <= pool * M);
                for (size, ask) in sizes.iter().zip(&asks) {
                    prop_assert!(*size >= ask.floor, "{size} below {}", ask.floor);
                    prop_assert_eq!(size % (unit * M), 0);
                }
            }
        }
    }
}
