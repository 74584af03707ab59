//! curl, where it is installed, as a client that we did not write.

use std::path::Path;

use tandem_practice::sample::Sample;
use tandem_practice::{PracticeAccount, PracticeServers};
use tokio::process::Command;

use crate::client::in_time;

async fn curl(ca: &Path, account: &PracticeAccount, arguments: &[&str]) -> Option<(bool, Vec<u8>)> {
    let login = format!("{}:{}", account.address, account.password.reveal());
    let mut command = Command::new("curl");
    command
        .args([
            "--silent",
            "--show-error",
            "--noproxy",
            "*",
            "--max-time",
            "10",
            "--user",
            &login,
            "--cacert",
        ])
        .arg(ca);
    let output = match in_time(command.args(arguments).kill_on_drop(true).output()).await {
        Ok(output) => output,
        Err(error) => {
            println!("skipped, curl does not start: {error}");
            return None;
        }
    };
    if !output.status.success() {
        println!("curl: {}", String::from_utf8_lossy(&output.stderr));
    }
    Some((output.status.success(), output.stdout))
}

#[tokio::test]
async fn curl_reads_by_pop3_and_imap_and_sends() {
    let practice = PracticeServers::start(Sample::organization(chrono::Utc::now())).await.expect("started");
    let folder = tempfile::tempdir().expect("a folder");
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, practice.ca_pem()).expect("written");
    let amy = &practice.accounts()[0];
    let first = practice.hub().messages(&amy.address)[0].clone();
    let (pop3, imap, smtp) = (practice.pop3().port(), practice.imap().port(), practice.smtp().port());

    let Some((ok, listed)) = curl(&ca, amy, &[&format!("pop3s://localhost:{pop3}/")]).await else { return };
    assert!(ok && listed.starts_with(format!("1 {}\r\n", first.raw.len()).as_bytes()));
    let (ok, read) = curl(&ca, amy, &[&format!("pop3s://localhost:{pop3}/1")]).await.expect("curl");
    assert!(ok);
    assert_eq!(read, &*first.raw);
    let (ok, read) = curl(&ca, amy, &[&format!("imaps://localhost:{imap}/INBOX;UID=1")]).await.expect("curl");
    assert!(ok);
    assert_eq!(read, &*first.raw);
    let (ok, found) = curl(&ca, amy, &[&format!("imaps://localhost:{imap}/INBOX"), "-X", "UID SEARCH ALL"])
        .await
        .expect("curl");
    assert!(ok && found.starts_with(b"* SEARCH 1 2 "));

    let mail = folder.path().join("mail.eml");
    std::fs::write(&mail, "Subject: from curl\r\n\r\n.a line with a dot\r\n").expect("written");
    let mail = mail.to_string_lossy().into_owned();
    let url = format!("smtps://localhost:{smtp}/client.practice");
    let arguments =
        [&url, "--mail-from", "amy@contoso.practice", "--mail-rcpt", "ben@fabrikam.practice", "-T", &mail];
    let (ok, _) = curl(&ca, amy, &arguments).await.expect("curl");
    assert!(ok);
    let arrived = practice.hub().messages("ben@fabrikam.practice");
    let arrived = &arrived.last().expect("it arrived").raw;
    assert!(arrived.ends_with(b"Subject: from curl\r\n\r\n.a line with a dot\r\n"));
    let arguments =
        [&url, "--mail-from", "amy@contoso.practice", "--mail-rcpt", "nobody@fabrikam.practice", "-T", &mail];
    assert!(!curl(&ca, amy, &arguments).await.expect("curl").0, "an unknown recipient is refused");
}
