//! Browsers, without a window, with a profile of their own and as little traffic of their own as
//! they allow.

use std::time::Duration;

use super::{Client, Kind};
use crate::servers::certificate_fingerprint;

/// The first start of a browser on a busy machine, its profile's making included.
const BROWSER_DEADLINE: Duration = Duration::from_secs(60);

pub(super) const CLIENTS: &[Client] = &[
    Client {
        name: "chromium",
        kind: Kind::Browser,
        programs: &["chromium", "chromium-browser", "google-chrome"],
        alpn: None,
        deadline: BROWSER_DEADLINE,
        arguments: |command, target| {
            command.args([
                "--headless",
                "--no-sandbox", // it refuses to run as root with one
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-quic",
                "--no-first-run",
                "--no-default-browser-check",
                "--no-proxy-server",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-default-apps",
                "--disable-extensions",
                "--disable-sync",
                "--ignore-certificate-errors",
                "--timeout=15000",
                "--dump-dom",
            ]);
            command.arg(format!("--user-data-dir={}", target.scratch.join("profile").display()));
            command.env("HOME", &target.scratch).arg(target.url());
            Ok(())
        },
    },
    Client {
        name: "firefox",
        kind: Kind::Browser,
        programs: &["firefox-esr", "firefox"],
        alpn: None,
        deadline: BROWSER_DEADLINE,
        arguments: |command, target| {
            let profile = target.scratch.join("profile");
            std::fs::create_dir(&profile)?;
            std::fs::write(profile.join("user.js"), FIREFOX_PREFERENCES)?;
            let trusted = format!(
                "{}:\tOID.2.16.840.1.101.3.4.2.1\t{}\t\n",
                target.address(),
                certificate_fingerprint(target.lab)?
            );
            std::fs::write(profile.join("cert_override.txt"), trusted)?;
            command.args(["--headless", "--no-remote", "--profile"]).arg(profile);
            // It ends once it has taken the picture.
            command.arg("--screenshot").arg(target.scratch.join("page.png")).arg(target.url());
            command.env("HOME", &target.scratch).env("MOZ_CRASHREPORTER_DISABLE", "1");
            Ok(())
        },
    },
];

const FIREFOX_PREFERENCES: &str = r#"
user_pref("app.normandy.enabled", false);
user_pref("app.update.auto", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("browser.safebrowsing.downloads.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("extensions.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("network.http.http3.enable", false);
user_pref("network.proxy.type", 0);
user_pref("network.trr.mode", 5);
user_pref("services.settings.server", "");
user_pref("toolkit.telemetry.enabled", false);
"#;
