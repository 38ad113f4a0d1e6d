//! The shell's own settings.

use crate::compare::{holds, same};
use crate::{Disk, Outcome, Subject};

async fn set<S: Subject>(disk: &mut Disk<S>, key: &str, value: Option<&str>) -> Outcome {
    disk.subject.set_setting(key, value).await.map_err(|failure| failure.0)
}

async fn check<S: Subject>(disk: &mut Disk<S>, key: &str, value: Option<&str>) -> Outcome {
    same(disk.subject.setting(key).await.as_deref(), value, key)
}

pub(crate) async fn setting_is_durable_when_it_is_set<S: Subject>(disk: &mut Disk<S>) -> Outcome {
    check(disk, "hub", None).await?;
    for value in ["http://127.0.0.1:8080", "https://other"] {
        set(disk, "hub", Some(value)).await?;
        check(disk, "hub", Some(value)).await?;
    }
    set(disk, "other", Some("")).await?;
    disk.reopen().await?;
    check(disk, "hub", Some("https://other")).await?;
    check(disk, "other", Some("")).await?;
    set(disk, "hub", None).await?;
    check(disk, "hub", None).await?;
    disk.reopen().await?;
    check(disk, "hub", None).await?;
    disk.subject.close_under(Vec::new(), Vec::new()).await?;
    holds(set(disk, "hub", Some("x")).await.is_err(), "a closed store takes none")?;
    disk.reopen().await?;
    check(disk, "hub", None).await
}
