//! A machine whose clock is wrong by a year.

use tincan_e2e::{HubProcess, NodeProcess, PATIENCE, Process, befriend};

/// Another wall clock, and the same steady one.
fn with_clock(offset: &str) -> [&str; 4] {
    ["faketime", "--exclude-monotonic", "-f", offset]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_wrong_by_a_year_is_told_and_harms_nothing() {
    for (offset, words) in [("+365d", "365 days ahead of"), ("-365d", "365 days behind")] {
        let hub = HubProcess::start();
        let ada =
            NodeProcess::start_under(&with_clock(offset), "Ada", &["--hub", hub.origin()]).await;
        let mut bob = NodeProcess::start("Bob", &["--hub", hub.origin()]).await;
        // An invite ends by the clock of whoever takes it: the one who is behind takes it.
        let (ahead, behind) = if offset.starts_with('+') { (&ada, &bob) } else { (&bob, &ada) };
        let invite = Process::run(&mut behind.command(&["invite"])).output[0].clone();
        let refused = Process::run(&mut ahead.command(&["contact", "add", &invite]));
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.errors.contains("clock"), "{refused:?}");
        befriend(ahead, behind).await;
        let texts = |who: &str| (0..20).map(|n| format!("{who} {n}")).collect::<Vec<_>>();
        ada.say(bob.id(), texts("ada").into_iter()).await;
        bob.say(ada.id(), texts("bob").into_iter()).await;
        ada.until_delivered(PATIENCE).await;
        bob.until_delivered(PATIENCE).await;
        // And once more, so that what was remembered under the wrong clock is used.
        bob.stop();
        bob.start_again().await;
        bob.say(ada.id(), texts("again").into_iter()).await;
        bob.until_delivered(PATIENCE).await;
        let heard = ada.history(bob.id()).await;
        let heard: Vec<_> = heard.iter().filter(|message| !message.outgoing).collect();
        assert_eq!(
            heard.iter().map(|message| message.content.clone()).collect::<Vec<_>>(),
            [texts("bob"), texts("again")].concat(),
        );
        let status = Process::run(&mut ada.command(&["status"]));
        let clock = status.output.iter().find(|line| line.starts_with("clock"));
        assert!(clock.is_some_and(|line| line.contains(words)), "{status:?}");
        let right = Process::run(&mut bob.command(&["status"]));
        assert!(!right.output.iter().any(|line| line.starts_with("clock")), "{right:?}");
    }
}
