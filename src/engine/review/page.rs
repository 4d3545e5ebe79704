//! The lines of a review: parts with a heading, nothing wider than a plain terminal shows. Pure.

use crate::engine::plan;
use crate::engine::plan::layout::DiskLayout;
use crate::engine::plan::spec::AlternateSpec;
use crate::engine::plan::step::{Action, Plan, Step};
use crate::engine::review::model::WIDTH;
use crate::engine::review::outlook;
use crate::text::size::format_size;
use crate::text::{one_line, wrap};

/// Bytes a second where no run has measured it yet: a plain disk with many small files.
const ASSUMED_RATE: u64 = 50 << 20;
/// Seconds that partitions and file systems, and in phase 3 initramfs and boot loader, take.
const MAKING: u64 = 10;
const FINISHING: u64 = 60;

/// A review while it is written.
#[derive(Default)]
pub struct Page {
    /// The lines so far.
    pub lines: Vec<String>,
}

/// `vdb: 20 GiB, serial DISK-B`.
pub fn disk(d: &DiskLayout) -> String {
    let serial = d.serial.as_deref().map(|s| format!(", serial {s}")).unwrap_or_default();
    format!("{}: {}{serial}", d.shown(), format_size(d.size))
}

impl Page {
    /// A heading and its paragraphs, indented.
    pub fn part(&mut self, heading: &str, paragraphs: &[String]) {
        if !self.lines.is_empty() {
            self.lines.push(String::new());
        }
        self.lines.push(heading.to_owned());
        for text in paragraphs {
            self.paragraph("  ", "  ", text);
        }
    }

    /// The same as a list; nothing if there is nothing.
    pub fn list(&mut self, heading: &str, items: &[String]) {
        if !items.is_empty() {
            self.part(heading, &[]);
            items.iter().for_each(|i| self.paragraph("  - ", "    ", i));
        }
    }

    fn paragraph(&mut self, first: &str, hang: &str, text: &str) {
        let text = one_line(text);
        let wrapped = wrap(&text, WIDTH, first.len(), hang.len());
        self.lines.extend(format!("{first}{wrapped}").lines().map(str::to_owned));
    }

    /// The disks, each with what is on it now.
    pub fn erased(&mut self, disks: &[String]) {
        if disks.is_empty() {
            return self.part("WHAT IS ERASED", &["Nothing.".to_owned()]);
        }
        self.part("EVERYTHING ON THESE DISKS IS ERASED", &[]);
        for line in disks {
            let (disk, content) = line
                .split_once("; on it now: ")
                .map_or((line.as_str(), None), |(d, c)| (d, Some(c)));
            self.paragraph("  ", "      ", disk);
            if let Some(content) = content {
                self.paragraph("      on it now: ", "      ", content);
            }
        }
    }

    /// How long it takes, and where that number comes from.
    pub fn time(&mut self, base: &AlternateSpec, plan: &Plan, rate: Option<u64>) {
        let copied = |s: &Step| {
            if let Action::Copy { volume } = s.action {
                base.layout.volumes.get(volume)
            } else {
                None
            }
        };
        let copied: u64 = plan
            .steps
            .iter()
            .filter_map(copied)
            .filter_map(|v| v.fs.as_ref())
            .map(|f| f.fs_used_mb << 20)
            .sum();
        let restored = base
            .imaged
            .as_ref()
            .filter(|_| plan.steps.iter().any(|s| s.action == Action::Restore))
            .map(|i| i.bytes);
        let bytes = copied + restored.unwrap_or(0);
        let phase = |n: u8| plan.steps.iter().any(|s| s.phase == n);
        let per_second = rate.unwrap_or(ASSUMED_RATE).max(1);
        let seconds = bytes / per_second
            + if phase(1) { MAKING } else { 0 }
            + if phase(3) { FINISHING } else { 0 };
        let mut text = format!("{}.", duration(seconds));
        if bytes > 0 {
            let why = if rate.is_some() {
                "as measured in the last run"
            } else {
                "an assumption: the first run measures it"
            };
            let word = if restored.is_some() { "restored" } else { "copied" };
            text.push_str(&format!(
                " {} are {word}, at {} a second ({why}).",
                format_size(bytes),
                format_size(per_second)
            ));
        }
        let more = plan.steps.iter().filter_map(|s| match s.action {
            Action::Software { .. } => Some("installing packages"),
            Action::Script { .. } => Some("your script"),
            _ => None,
        });
        let more: Vec<&str> = more.collect();
        if !more.is_empty() {
            text.push_str(&format!(" Add the time for {}.", more.join(" and ")));
        }
        text.push_str(" The machine keeps working meanwhile.");
        self.part("TIME", &[text]);
    }

    /// The next disk to boot, and how to go back.
    pub fn boots(&mut self, base: &AlternateSpec, plan: &Plan) {
        let reboot = plan.steps.iter().any(|s| s.action == Action::Reboot);
        let mut next = outlook::boots_next(base, plan);
        if reboot {
            next.push_str(" The machine restarts by itself at the end.");
        }
        self.part("WHAT BOOTS NEXT", &[next]);
        let old = base.present();
        let mut ways = vec![format!(
            "Before a restart: Clean Up (alt_clean) gives the copy up, and {old} boots as before."
        )];
        if plan.steps.iter().any(|s| s.action == Action::Bootlist) {
            ways.push(format!(
                "From the copy: Boot list (alt_bootlist) makes {old} boot again; then restart. {old} itself is not changed."
            ));
        }
        self.part("HOW TO GO BACK", &ways);
    }

    /// Every step, a phase a heading; the mounts are one.
    pub fn steps<'a>(&mut self, base: &AlternateSpec, steps: impl Iterator<Item = &'a Step>) {
        self.part("THE STEPS", &[]);
        let (mut phase, mut mounted) = (0, false);
        for step in steps {
            if step.phase != phase {
                phase = step.phase;
                self.paragraph(
                    "  ",
                    "  ",
                    &format!("Phase {phase}: {}", plan::phase_title(base, phase)),
                );
            }
            let mount = matches!(step.action, Action::Mount { .. });
            if mount && mounted {
                continue;
            }
            mounted |= mount;
            self.paragraph(
                "  - ",
                "    ",
                if mount { "Mount the copy below /alt_inst" } else { &step.title },
            );
        }
        if phase == 0 {
            self.paragraph("  ", "  ", "None: there is nothing to do in what was asked for.");
        }
    }
}

/// A duration in words, rounded up generously.
fn duration(seconds: u64) -> String {
    match seconds {
        0..=45 => "Less than a minute".to_owned(),
        46..=90 => "About a minute".to_owned(),
        91..=5399 => format!("About {} minutes", seconds.div_ceil(60)),
        _ => {
            let minutes = seconds.div_ceil(600) * 10;
            let (h, m) = (minutes / 60, minutes % 60);
            let hours = if h == 1 { "1 hour".to_owned() } else { format!("{h} hours") };
            if m == 0 { format!("About {hours}") } else { format!("About {hours} and {m} minutes") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (seconds, want) in [
            (0, "Less than a minute"),
            (46, "About a minute"),
            (91, "About 2 minutes"),
            (600, "About 10 minutes"),
            (5399, "About 90 minutes"),
            (5400, "About 1 hour and 30 minutes"),
            (7200, "About 2 hours"),
            (7201, "About 2 hours and 10 minutes"),
        ] {
            assert_eq!(duration(seconds), want);
        }
    }

    #[test]
    fn lines_are_narrow() {
        let mut page = Page::default();
        page.part("ONE", &["word ".repeat(60)]);
        page.list("NONE", &[]);
        page.list("TWO", &["word ".repeat(60), "short".into()]);
        assert!(page.lines.iter().all(|l| l.len() <= WIDTH), "{:?}", page.lines);
        assert_eq!(
            (page.lines[0].as_str(), page.lines.last().map(String::as_str)),
            ("ONE", Some("  - short"))
        );
        assert!(!page.lines.contains(&"NONE".to_owned()));
    }
}
