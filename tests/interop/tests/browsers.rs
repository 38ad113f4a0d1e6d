//! A link and a real browser open a connection, in both roles, and exchange a thousand messages
//! each way without a tail.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tincan_interop::browser::{Browser, SKIP};
use tincan_interop::browser_link::DrivenLink;
use tincan_interop::browser_signal::{Handler, serve};
use tincan_link::{Event, Role};

/// From starting the browser to its result.
const LIMIT: Duration = Duration::from_secs(120);
/// The slowest echo of a thousand. SCTP's retransmission takes a second: nothing may come near.
const SLOWEST: Duration = Duration::from_millis(800);

/// What the page and the link report.
enum Report {
    LinkPings(Duration),
    Page(serde_json::Value),
    Error(String),
}

#[test]
fn chromium_offers_and_the_link_answers() {
    check(Browser::Chromium, true);
}

#[test]
fn the_link_offers_and_chromium_answers() {
    check(Browser::Chromium, false);
}

#[test]
fn firefox_offers_and_the_link_answers() {
    check(Browser::Firefox, true);
}

#[test]
fn the_link_offers_and_firefox_answers() {
    check(Browser::Firefox, false);
}

/// Browsers are heavy: one at a time, so that none waits for the other's processor.
static TURN: Mutex<()> = Mutex::new(());

fn check(browser: Browser, browser_offers: bool) {
    if std::env::var_os(SKIP).is_some() {
        println!("SKIPPED because {SKIP} is set: {browser:?} was not tried");
        return;
    }
    let _turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let role = if browser_offers { Role::Answerer } else { Role::Offerer };
    let link = DrivenLink::start(role).unwrap();
    if let Err(error) = run(browser, browser_offers, &link) {
        panic!("{browser:?}, browser offers: {browser_offers}: {error:#}\n{}", link.report());
    }
}

fn run(browser: Browser, browser_offers: bool, link: &DrivenLink) -> Result<()> {
    let (reports, reported) = channel();
    let address = serve(handler(link.clone(), browser_offers, reports))?;
    let mut running = browser.open(&format!("http://{address}/"))?;
    let start = Instant::now();
    let mut slowest_of_link = None;
    loop {
        match reported.recv_timeout(Duration::from_millis(500)) {
            Ok(Report::LinkPings(slowest)) => slowest_of_link = Some(slowest),
            Ok(Report::Error(error)) => bail!("the page failed: {error}"),
            Ok(Report::Page(result)) => {
                let slowest_of_link = slowest_of_link.context("the link did not ask")?;
                println!("{browser:?}: page {result}, link's slowest echo {slowest_of_link:?}");
                check_result(&result, slowest_of_link, browser_offers)?;
                return wait_for_close(link);
            }
            Err(_) => {
                running.check_alive()?;
                if start.elapsed() > LIMIT {
                    bail!("no result in {LIMIT:?}; the browser said:\n{}", running.log());
                }
            }
        }
    }
}

fn check_result(
    result: &serde_json::Value,
    slowest_of_link: Duration,
    restarted: bool,
) -> Result<()> {
    let milliseconds = |name: &str| result[name].as_f64().with_context(|| format!("no {name}"));
    let limit = SLOWEST.as_secs_f64() * 1e3;
    if milliseconds("slowest")? > limit {
        bail!("the browser's slowest echo of a thousand took {result}");
    }
    if restarted && milliseconds("restarted")? > 2.0 * limit {
        bail!("after the ICE restart the slowest echo took {result}");
    }
    if slowest_of_link > SLOWEST {
        bail!("the link's slowest echo of a thousand took {slowest_of_link:?}");
    }
    Ok(())
}

/// The page closes its connection at the end; the link must notice.
fn wait_for_close(link: &DrivenLink) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        match link.ended() {
            Some(Event::Closed) => return Ok(()),
            Some(other) => bail!("the link ended with {other:?} when the page closed"),
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    bail!("the link did not notice that the page closed")
}

fn handler(link: DrivenLink, browser_offers: bool, reports: Sender<Report>) -> Arc<Handler> {
    let reports = Mutex::new(reports);
    let report = move |report| {
        let sender = reports.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // The test may have ended already.
        let _ = sender.send(report);
    };
    Arc::new(move |path: &str, body: &str| match path {
        "/" => {
            let config = serde_json::json!({ "browserOffers": browser_offers }).to_string();
            let page = include_str!("../src/browser_page.html");
            Ok(page.replace("/*CONFIG*/{}", &config))
        }
        "/offer" => link.answer(body),
        "/want-offer" => link.offer(),
        "/answer" => link.accept(body).map(|()| String::new()),
        "/candidate" => link.candidate(body).map(|()| String::new()),
        "/link-pings" => {
            report(Report::LinkPings(link.ping()?));
            Ok(String::new())
        }
        "/link-bursts" => link.burst().map(|()| String::new()),
        "/result" => {
            report(Report::Page(serde_json::from_str(body)?));
            Ok(String::new())
        }
        "/error" => {
            report(Report::Error(body.to_owned()));
            Ok(String::new())
        }
        _ => bail!("nothing is at {path}"),
    })
}
