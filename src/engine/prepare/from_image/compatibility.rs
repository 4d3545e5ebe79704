//! Checks that an image can be installed here: level, architecture, kernel, loader platforms. Pure.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::boot::loader::platform;
use crate::engine::facts::bootable::Firmware;
use crate::engine::request::FromImage;
use crate::error;
use crate::image::manifest::System;
use crate::image::survey::Survey;

/// V.R.M as numbers: missing parts are 0, and so is a distribution without levels.
fn numbers(level: &str) -> [u64; 3] {
    let mut parts = level.split('.').map(|p| p.parse().unwrap_or(0));
    [(); 3].map(|()| parts.next().unwrap_or(0))
}

/// The level as `-L` takes it.
pub fn shown(level: &str) -> String {
    numbers(level).map(|n| n.to_string()).join(".")
}

/// Checks level and distribution of `image` against what was asked for, or against the running
/// system.
///
/// # Errors
/// ALT-670.
pub fn level(image: &System, wanted: Option<&str>, here: &System) -> Result<()> {
    let has = shown(&image.level);
    let name =
        if image.name.is_empty() { "a system that does not say its name" } else { &image.name };
    let remedy = format!("if this is the image that you mean, give -L {has}");
    if let Some(wanted) = wanted {
        let fits = numbers(wanted) == numbers(&image.level);
        let cause = format!("the image holds {name}, level {has}; -L asks for {wanted}");
        return if fits { Ok(()) } else { Err(error::IMAGE_LEVEL.with_remedy(cause, remedy)) };
    }
    if image.distribution == here.distribution && numbers(&image.level) == numbers(&here.level) {
        return Ok(());
    }
    let cause = format!(
        "the image holds {name}, level {has}; the running system is {}, level {}",
        here.name,
        shown(&here.level)
    );
    Err(error::IMAGE_LEVEL.with_remedy(cause, remedy))
}

/// Checks that an archive without manifest is that of a system's root.
///
/// # Errors
/// ALT-678 if it is something else, ALT-679 for a member that cannot be restored.
pub fn root(seen: &Survey) -> Result<()> {
    if let Some((cause, remedy)) = seen.shape.not_a_root() {
        return Err(error::IMAGE_NOT_A_ROOT.with_remedy(cause, remedy));
    }
    match seen.shape.refused() {
        Some(cause) => Err(error::IMAGE_THROUGH_LINK.with_cause(cause)),
        None => Ok(()),
    }
}

/// # Errors
/// ALT-671 if the image's programs do not run on this machine.
pub fn architecture(image: &System, here: &System) -> Result<()> {
    if image.architecture.is_empty() || image.architecture == here.architecture {
        return Ok(());
    }
    Err(error::IMAGE_ARCHITECTURE.with_cause(format!(
        "the image is for {}, this machine is {}",
        image.architecture, here.architecture
    )))
}

/// The platforms that are to be installed: those that `-p` names, or the machine's own and every
/// other that the image has.
pub fn platforms<'a>(
    image: &System,
    asked: &'a FromImage,
    firmware: Firmware,
) -> BTreeSet<&'a str> {
    if !asked.platforms.is_empty() {
        return asked.platforms.iter().map(String::as_str).collect();
    }
    let mine = platform(firmware);
    Firmware::ALL
        .map(platform)
        .into_iter()
        .filter(|p| *p == mine || can(image, p).is_ok())
        .collect()
}

/// True if the image can install this platform's loader.
///
/// # Errors
/// The reason, in words.
pub fn can(image: &System, platform: &str) -> Result<(), String> {
    match image.platforms.get(platform).map(String::as_str) {
        Some("") => Ok(()),
        Some(why) => Err(why.to_owned()),
        None => Err(format!("the image has no boot loader for {platform}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn debian(level: &str) -> System {
        let platforms = [("i386-pc", ""), ("x86_64-efi", "no modules")]
            .map(|(p, w)| (p.to_owned(), w.to_owned()))
            .into();
        let [distribution, name, architecture] =
            ["debian", "Debian 12", "x86_64"].map(str::to_owned);
        System {
            distribution,
            name,
            level: level.into(),
            architecture,
            platforms,
            ..System::default()
        }
    }

    #[test]
    fn levels() {
        let here = debian("12.11.0");
        let said = |image: &System, wanted| {
            level(image, wanted, &here).map_err(|e| error::find(&e).unwrap().to_string())
        };
        assert_eq!(said(&debian("12.11.0"), None), Ok(()));
        assert_eq!(said(&debian("12.11"), Some("12.11.0")), Ok(()));
        assert_eq!(said(&System::default(), Some("0.0.0")), Ok(()));
        assert_eq!(
            said(&debian("12.10.0"), None),
            Err("ALT-670: the image holds Debian 12, level 12.10.0; the running system is Debian 12, level 12.11.0".into())
        );
        assert_eq!(
            said(&debian("12.11.0"), Some("12.1.0")),
            Err("ALT-670: the image holds Debian 12, level 12.11.0; -L asks for 12.1.0".into())
        );
        let other = System { distribution: "devuan".into(), ..debian("12.11.0") };
        assert!(said(&other, None).is_err() && said(&other, Some("12.11.0")).is_ok());
        let e = level(&debian("12.10"), None, &here).unwrap_err();
        assert_eq!(
            error::find(&e).unwrap().remedy,
            "if this is the image that you mean, give -L 12.10.0"
        );
    }

    #[test]
    fn architectures() {
        let arm = System { architecture: "aarch64".into(), ..debian("1") };
        assert!(architecture(&debian("1"), &debian("2")).is_ok());
        assert!(architecture(&System::default(), &debian("2")).is_ok());
        let e = architecture(&arm, &debian("2")).unwrap_err();
        assert_eq!(
            error::find(&e).unwrap().to_string(),
            "ALT-671: the image is for aarch64, this machine is x86_64"
        );
    }

    #[test]
    fn which_platforms() {
        let mut asked =
            FromImage { device: "x".into(), level: None, platforms: vec![], identity: None };
        let list = |a: &FromImage, f| {
            platforms(&debian("1"), a, f).into_iter().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(list(&asked, Firmware::Bios), "i386-pc");
        assert_eq!(list(&asked, Firmware::Uefi), "i386-pc x86_64-efi");
        asked.platforms = vec!["x86_64-efi".into()];
        assert_eq!(list(&asked, Firmware::Bios), "x86_64-efi");
        assert_eq!(can(&debian("1"), "x86_64-efi"), Err("no modules".into()));
        assert_eq!(
            can(&System::default(), "i386-pc"),
            Err("the image has no boot loader for i386-pc".into())
        );
    }
}
