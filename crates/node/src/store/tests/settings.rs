//! The shell's own settings.

use super::*;

#[test]
fn setting_is_durable_when_it_is_set() {
    let disk = Disk::new();
    assert_eq!(disk.store.setting("hub"), None);
    for value in ["http://127.0.0.1:8080", "https://other"] {
        block_on(disk.store.set_setting("hub", Some(value))).unwrap();
        assert_eq!(disk.store.setting("hub").as_deref(), Some(value));
    }
    block_on(disk.store.set_setting("other", Some(""))).unwrap();
    let disk = disk.reopen();
    assert_eq!(disk.store.setting("hub").as_deref(), Some("https://other"));
    assert_eq!(disk.store.setting("other").as_deref(), Some(""));
    block_on(disk.store.set_setting("hub", None)).unwrap();
    assert_eq!(disk.store.setting("hub"), None);
    assert_eq!(disk.reopen().store.setting("hub"), None);
}

#[test]
fn setting_of_a_closed_store_is_refused() {
    let disk = Disk::new();
    disk.store.close();
    assert!(block_on(disk.store.set_setting("hub", Some("x"))).is_err());
    assert_eq!(disk.store.setting("hub"), None);
}
