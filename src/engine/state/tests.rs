use super::*;

#[test]
fn full_and_read_only_file_systems_have_names() {
    let of = |kind: std::io::ErrorKind| no_room(anyhow::Error::new(std::io::Error::from(kind)).context("writing journal.jsonl"));
    let full = error::of(&of(std::io::ErrorKind::StorageFull)).unwrap().to_string();
    assert!(full.starts_with("ALT-712: writing journal.jsonl: no storage space; the file system of /var"), "{full}");
    let read_only = error::of(&of(std::io::ErrorKind::ReadOnlyFilesystem)).unwrap().to_string();
    assert!(read_only.starts_with("ALT-718: writing journal.jsonl: "), "{read_only}");
    assert!(error::of(&of(std::io::ErrorKind::PermissionDenied)).is_none());
}

#[test]
fn a_torn_journal_is_read_up_to_the_tear() {
    let whole = b"{\"r\":\"begin\",\"id\":\"1.gate\"}\n{\"r\":\"done\",\"id\":\"1.gate\"}\n".to_vec();
    let want = vec![Record::Begin { id: "1.gate".into() }, Record::Done { id: "1.gate".into() }];
    assert_eq!(parse_journal(&whole), (want.clone(), false));
    assert_eq!(parse_journal(&[&whole[..], b"{\"r\":\"begin\",\"id\":\"1.wi"].concat()), (want.clone(), false));
    assert_eq!(parse_journal(&[b"garbage\n", &whole[..]].concat()), (want, true));
}
