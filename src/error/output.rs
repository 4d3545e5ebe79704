//! An error read back from the output of one of altdisk's own commands, so that a panel that runs
//! such a command shows that error and its remedy, and not only that a command failed.

use super::catalogue::all;
use super::entry::AltError;

/// The words between the number and the remedy, as the console prints them.
const REMEDY: &str = "what to do: ";

/// The first error in what a command printed:
///
/// ```text
/// altdisk disks: ALT-201 there is no disk vdx
///   what to do: `altdisk disks` lists the disks of this machine
/// ```
///
/// None where no line has that form, or the number is not in the catalogue.
pub fn read_back(output: &str) -> Option<AltError> {
    let mut lines = output.lines();
    let (entry, first) = lines.find_map(|line| {
        let (program, rest) = line.split_once(": ALT-")?;
        let (number, cause) = rest.split_once(' ')?;
        let ours = ["altdisk", "alt_disk_install"].contains(&program.split(' ').next()?.trim());
        let entry = all().find(|e| e.id.strip_prefix("ALT-") == Some(number))?;
        ours.then_some((entry, cause))
    })?;
    let mut cause = vec![first];
    for line in lines {
        if let Some(remedy) = line.trim_start().strip_prefix(REMEDY) {
            let (cause, remedy) = (cause.join("\n"), remedy.to_owned());
            return Some(AltError { entry, cause, remedy });
        }
        cause.push(line);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_read_back() {
        let output = "warning: slow\naltdisk list: ALT-210 /dev/vda cannot be a target:\n  - it is mounted\n  what to do: choose another disk\nusage: altdisk list\n";
        let told = read_back(output).unwrap();
        assert_eq!(
            (told.entry.id, told.cause.as_str()),
            ("ALT-210", "/dev/vda cannot be a target:\n  - it is mounted")
        );
        assert_eq!(told.remedy, "choose another disk");
        let other = read_back("altdisk x: ALT-001 no\n  what to do: y\n");
        assert!(other.is_none() && read_back("ls: x\n").is_none() && read_back("").is_none());
        assert!(read_back("script: ALT-210 x\n  what to do: y\n").is_none());
    }
}
