//! The parts of a one-time boot that run in GRUB, as text for the marked block in `custom.cfg`.
//!
//! The GRUB that the BIOS starts decides ([`hand_over`]): it starts the disk if the record is armed
//! for exactly this choice and the disk is there, and writes that down *before* it does so. If it
//! cannot write, it does not start the disk. The disk's own GRUB ([`start_own`]) starts its own
//! system only while the record allows it.
//!
//! GRUB compares the nonce and the state as whole words, so a block that is damaged, cut off or of
//! another choice starts nothing. `set` comes before each `load_env`: a variable of an earlier
//! record must not survive a block that cannot be read. A one-time choice of the user
//! (`grub-reboot`, `boot_once`) goes first.

use super::record::{NONCE, PATH, STATE, TrialState, is_nonce};

/// The first word of the line that says what the script is for.
const ABOUT: &str = "# altdisk-once";

/// A one-time boot as GRUB needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrubTrial {
    /// The disk to boot: the menu entry that starts it is `altdisk-<id>`.
    pub id: String,
    /// UUID (FAT serial) of the ESP with the record.
    pub esp_uuid: String,
    /// As the record has it.
    pub nonce: String,
}

impl GrubTrial {
    /// Reads back what a script is for.
    pub fn parse(script: &str) -> Option<Self> {
        let mut words = script.lines().next()?.strip_prefix(ABOUT)?.split_whitespace();
        let mut next = || words.next().map(str::to_owned);
        let trial = Self { id: next()?, esp_uuid: next()?, nonce: next()? };
        is_nonce(&trial.nonce).then_some(trial)
    }

    fn about(&self) -> String {
        format!("{ABOUT} {} {} {}\n", self.id, self.esp_uuid, self.nonce)
    }
}

/// For every other disk: hands over to the disk by the menu entry `entry`, once. `fs_uuid` is a file
/// system on the disk; where that is not there, nothing happens. If the entry does not start
/// anything, GRUB goes on with the first of its own.
pub fn hand_over(trial: &GrubTrial, entry: &str, fs_uuid: &str) -> String {
    let choose = format!("set fallback=0\nset default=altdisk-{}\nset boot_once=true", trial.id);
    let take = format!(
        "if search --no-floppy --fs-uuid --set=altdisk_disk {fs_uuid}; then\n{}\nfi",
        indent(&write_state(TrialState::Handed, &choose))
    );
    trial.about() + entry + &script(trial, &[(TrialState::Armed, take)])
}

/// For the disk itself: its usual default, once. In every other state the lasting boot list is
/// asked, and where that says nothing, the disk with the id `back` is started. `entry` is the menu
/// entry for that.
pub fn start_own(trial: &GrubTrial, back: Option<(&str, &str)>) -> String {
    let load = write_state(TrialState::Loading, "set altdisk_back=\nset boot_once=true");
    let cases = [(TrialState::Armed, load.clone()), (TrialState::Handed, load)];
    let Some((id, entry)) = back else { return trial.about() + &script(trial, &cases) };
    format!(
        "{}{entry}set altdisk_back=altdisk-{id}\n{}if [ -n \"${{altdisk_back}}\" -a -z \"${{boot_once}}\" ]; then\n\tset default=\"${{altdisk_back}}\"\nfi\n",
        trial.about(),
        script(trial, &cases)
    )
}

/// Writes the next state; only if that succeeded, `then`.
fn write_state(to: TrialState, then: &str) -> String {
    format!(
        "set {STATE}={to}\nif save_env -f (${{altdisk_part}})/{PATH} {STATE}; then\n{}\nfi",
        indent(then)
    )
}

/// Reads the record and runs the commands of its state, if it is the record of this choice.
fn script(trial: &GrubTrial, cases: &[(TrialState, String)]) -> String {
    let mut chosen = String::new();
    for (n, (state, commands)) in cases.iter().enumerate() {
        let word = if n == 0 { "if" } else { "elif" };
        let commands = indent(commands);
        chosen += &format!("{word} [ \"${{{STATE}}}\" = \"{state}\" ]; then\n{commands}\n");
    }
    chosen += "fi";
    let read = format!(
        "set {STATE}=\nset {NONCE}=\nload_env -f (${{altdisk_part}})/{PATH} {STATE} {NONCE}\n\
         if [ \"${{{NONCE}}}\" = \"{}\" ]; then\n{}\nfi",
        trial.nonce,
        indent(&chosen)
    );
    let found = format!(
        "set altdisk_part=\nif search --no-floppy --fs-uuid --set=altdisk_part {}; then\n{}\nfi",
        trial.esp_uuid,
        indent(&read)
    );
    format!(
        "insmod part_gpt\ninsmod part_msdos\ninsmod fat\ninsmod ext2\ninsmod search\ninsmod search_fs_uuid\ninsmod loadenv\n\
         if [ -z \"${{boot_once}}\" ]; then\n{}\nfi\n",
        indent(&found)
    )
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("\t{line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_says_what_it_is_for() {
        let trial = GrubTrial {
            id: "aa-bb".into(),
            esp_uuid: "ABCD-1234".into(),
            nonce: "0123456789abcdef0123456789abcdef".into(),
        };
        for script in [
            hand_over(&trial, "menuentry 'x' {}\n", "ABCD-1234"),
            start_own(&trial, None),
            start_own(&trial, Some(("old", "menuentry 'y' {}\n"))),
        ] {
            assert_eq!(GrubTrial::parse(&script), Some(trial.clone()));
            // Nothing is chosen before the state is written.
            let writes = script.find("save_env").unwrap();
            assert!(writes < script.find("boot_once=true").unwrap(), "{script}");
        }
        assert_eq!(GrubTrial::parse("# altdisk-once aa ABCD-1234 armed\n"), None);
        assert_eq!(GrubTrial::parse("menuentry 'x' {}\n"), None);
    }
}
