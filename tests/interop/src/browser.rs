//! A real browser on a page of ours: started with a fresh profile, and stopped by its pid.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Set to skip the browser tests on a machine without browsers. They never skip by themselves.
pub const SKIP: &str = "TINCAN_SKIP_BROWSERS";

static PROFILES: AtomicU32 = AtomicU32::new(0);

/// The browsers of the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Browser {
    /// Chromium, from the path in `CHROMIUM` or `chromium` on the search path.
    Chromium,
    /// Firefox, from the path in `FIREFOX`, `firefox-esr` or `firefox`.
    Firefox,
}

/// A running browser; dropping it ends the process and removes its profile.
#[derive(Debug)]
pub struct Running {
    child: Child,
    profile: PathBuf,
}

impl Browser {
    /// The program to run, or a reason to shout about.
    pub fn find(self) -> Result<PathBuf> {
        let (variable, names): (&str, &[&str]) = match self {
            Browser::Chromium => ("CHROMIUM", &["chromium", "chromium-browser", "google-chrome"]),
            Browser::Firefox => ("FIREFOX", &["firefox-esr", "firefox"]),
        };
        if let Some(path) = env::var_os(variable) {
            return Ok(path.into());
        }
        let directories = env::var_os("PATH").unwrap_or_default();
        let found = env::split_paths(&directories)
            .flat_map(|directory| names.iter().map(move |name| directory.join(name)))
            .find(|path| path.is_file());
        found.with_context(|| {
            format!(
                "{self:?} IS NOT INSTALLED: install one of {names:?}, or name it in {variable}, \
                 or set {SKIP}=1 to do without this proof"
            )
        })
    }

    /// Opens `url` without a screen, in a profile of its own.
    pub fn open(self, url: &str) -> Result<Running> {
        let program = self.find()?;
        let number = PROFILES.fetch_add(1, Ordering::Relaxed);
        let name = format!("tincan-browser-{}-{number}", std::process::id());
        let profile = env::temp_dir().join(name);
        fs::create_dir_all(&profile)?;
        let mut command = Command::new(&program);
        match self {
            Browser::Chromium => chromium_arguments(&mut command, &profile),
            Browser::Firefox => firefox_arguments(&mut command, &profile)?,
        }
        let log = fs::File::create(profile.join("browser.log"))?;
        let child = command
            .arg(url)
            .env("HOME", &profile)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("could not start {}", program.display()))?;
        Ok(Running { child, profile })
    }
}

fn chromium_arguments(command: &mut Command, profile: &Path) {
    command
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--disable-dev-shm-usage", "--disable-extensions", "--mute-audio"])
        // Timers and renderers of a page nobody sees are throttled otherwise.
        .args(["--disable-background-timer-throttling", "--disable-renderer-backgrounding"])
        .arg("--allow-loopback-in-peer-connection")
        .arg(format!("--user-data-dir={}", profile.display()));
}

fn firefox_arguments(command: &mut Command, profile: &Path) -> Result<()> {
    const PREFERENCES: &str = r#"
user_pref("media.peerconnection.ice.loopback", true);
user_pref("media.peerconnection.ice.obfuscate_host_addresses", false);
user_pref("media.peerconnection.ice.no_host", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.homepage_override.mstone", "ignore");
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
user_pref("app.update.enabled", false);
user_pref("app.normandy.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("privacy.reduceTimerPrecision", false);
user_pref("dom.min_background_timeout_value", 0);
"#;
    fs::write(profile.join("user.js"), PREFERENCES)?;
    command.args(["--headless", "--no-remote", "--profile"]).arg(profile);
    Ok(())
}

impl Running {
    /// What the browser printed, for a failure's report.
    pub fn log(&self) -> String {
        let log = fs::read_to_string(self.profile.join("browser.log")).unwrap_or_default();
        log.lines()
            .rev()
            .take(20)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Fails when the browser has ended by itself.
    pub fn check_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("the browser ended by itself ({status}):\n{}", self.log()),
            None => Ok(()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Killing fails only when the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Helper processes of the browser may write for a moment longer.
        let until = Instant::now() + Duration::from_secs(3);
        while fs::remove_dir_all(&self.profile).is_err() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
