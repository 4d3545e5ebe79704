//! Steps as data: what the preview prints, the plan stores, and a run carries out.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::engine::plan::step_id::StepId;
use crate::engine::request::Request;
use crate::software::Wanted;

/// The work of a step. Indices point into the layout of the
/// [`AlternateSpec`](super::spec::AlternateSpec).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    Gate,
    Wipe {
        disk: usize,
    },
    Partition {
        disk: usize,
    },
    MakeVg {
        vg: usize,
    },
    MakeLv {
        volume: usize,
    },
    MakeFs {
        volume: usize,
    },
    MakeSwap {
        volume: usize,
    },
    Copy {
        volume: usize,
    },
    /// The subvolumes of a btrfs that an image is restored to.
    Subvolumes {
        volume: usize,
    },
    /// The image, onto all file systems at once.
    Restore,
    BootImage {
        file: PathBuf,
    },
    FreshIdentity,
    /// The `count` first mounts, parents before children; the last of them is what this step adds.
    Mount {
        volume: usize,
        subvolume: Option<String>,
        at: PathBuf,
        options: String,
        count: usize,
    },
    SwapFile {
        index: usize,
    },
    ResolvConf {
        file: PathBuf,
    },
    ClientFiles,
    /// Packages are updated and installed as the request says.
    Software {
        wanted: Wanted,
    },
    Script {
        file: PathBuf,
    },
    References,
    Initramfs,
    /// The name in stored plans is of version 0.1.0.
    #[serde(rename = "grub_config")]
    BootMenu,
    Audit,
    Esp,
    LoaderEfi,
    LoaderBios,
    Verify,
    Origin,
    Unmount,
    Deactivate,
    Bootlist,
    Reboot,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Unique within a plan.
    pub id: StepId,
    /// 1, 2 or 3.
    pub phase: u8,
    /// A sentence for the user.
    pub title: String,
    /// The work.
    pub action: Action,
}

/// The work of one invocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The request that it was made for.
    pub request: Request,
    /// The steps, in order.
    pub steps: Vec<Step>,
}
