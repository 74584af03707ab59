//! The corpus of raw errors (`tests/corpus/errors`): each goes through the adapter that would meet it and must come out
//! as the one code that explains it.

use crate::support::{Authority, Identity, Peer, access, impatient, serve};
use rustls::{AlertDescription, Error as TlsError, InvalidMessage, PeerIncompatible};
use std::io::{self, ErrorKind};
use tandem_domain::{
    address::EmailAddress,
    failure::{Failure, FailureCode, Nature, Scope},
    outgoing::SubmitOutcome,
    profile::{CertificateTrust, Security},
};
use tandem_engine::{
    ports::mail::{CommitPoint, Credentials, IncomingMail, OutgoingMail, Submission},
    raw::RawMessage,
};
use tandem_mail::{
    imap::Imap,
    net::{Ladder, failure as net},
    pop3::Pop3,
    smtp::Smtp,
};

const SMTP: &str = include_str!("../../../../../tests/corpus/errors/smtp.tsv");
const POP3: &str = include_str!("../../../../../tests/corpus/errors/pop3.tsv");
const IMAP: &str = include_str!("../../../../../tests/corpus/errors/imap.tsv");
const NETWORK: &str = include_str!("../../../../../tests/corpus/errors/network.tsv");

/// A row of the corpus.
struct Row {
    phase: &'static str,
    raw: &'static str,
    expected: String,
}

fn rows(file: &'static str) -> Vec<Row> {
    let lines = file.lines().filter(|line| !line.starts_with('#'));
    let rows: Vec<Row> = lines
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [phase, raw, nature, scope, code, _source] = fields[..] else { panic!("{line}") };
            let code_known = FailureCode::from_word(code).unwrap_or_else(|| panic!("no code {code}"));
            assert!(!code_known.is_catch_all() || code == "tls_failed", "{line}: mapped to a catch-all");
            Row { phase, raw, expected: format!("{nature} {scope} {code}") }
        })
        .collect();
    assert!(rows.len() > 20);
    rows
}

fn shown(failure: &Failure) -> String {
    let nature = match failure.nature {
        Nature::Transient => "transient",
        Nature::Permanent => "permanent",
    };
    let scope = match failure.scope {
        Scope::Item => "item",
        Scope::Mailbox => "mailbox",
        Scope::Profile => "profile",
    };
    format!("{nature} {scope} {}", failure.code)
}

/// All that is wrong at once: a new server's words are usually several.
fn report(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} not as the corpus says:\n{}", wrong.len(), wrong.join("\n"));
}

fn compare(row: &Row, failure: &Failure, wrong: &mut Vec<String>) {
    let got = shown(failure);
    if got != row.expected {
        wrong.push(format!("{} {:?}\n    expected {}, got {got}", row.phase, row.raw, row.expected));
    }
}

fn lines_of(raw: &str) -> String {
    format!("{}\r\n", raw.replace("\\n", "\r\n"))
}

// --- SMTP ---

struct Always;

#[async_trait::async_trait]
impl CommitPoint for Always {
    async fn about_to_commit(&self) -> Result<(), Failure> {
        Ok(())
    }
}

async fn smtp_server(mut peer: Peer, phase: &'static str, raw: &'static str) {
    if phase == "greeting" {
        return peer.say(lines_of(raw)).await;
    }
    peer.say("220 mail.contoso.test ESMTP\r\n").await;
    peer.hear().await;
    peer.say("250-mail.contoso.test\r\n250 AUTH PLAIN\r\n").await;
    for (at, command) in [("login", "AUTH"), ("sender", "MAIL"), ("recipient", "RCPT"), ("data", "DATA")] {
        if (at == "login") != (phase == "login") {
            continue;
        }
        let line = peer.hear().await;
        assert!(line.starts_with(command), "{line}");
        let answer = match (at == phase, at) {
            (true, _) => lines_of(raw),
            (false, "data") => "354 go\r\n".to_owned(),
            (false, _) => "250 2.1.0 ok\r\n".to_owned(),
        };
        peer.say(answer).await;
        if at == phase {
            return peer.be_silent().await;
        }
    }
    while peer.hear().await != "." {}
    peer.say(lines_of(raw)).await;
    peer.be_silent().await;
}

async fn smtp_failure(row: &Row) -> Failure {
    let (phase, raw) = (row.phase, row.raw);
    let address = serve(None, move |peer| smtp_server(peer, phase, raw)).await;
    let mut access = access(address, Security::None);
    if phase != "login" {
        access.credentials = Credentials::None;
    }
    let mut session = match Smtp::new(impatient()).open(&access).await {
        Err(failure) => return failure,
        Ok(session) => session,
    };
    let submission = Submission {
        mail_from: EmailAddress::parse("amy@contoso.test").unwrap(),
        recipients: vec!["bo@fabrikam.test".to_owned()],
        raw: RawMessage::from(b"Subject: x\r\n\r\nx\r\n".to_vec()),
    };
    match session.submit(&submission, &Always).await {
        SubmitOutcome::Retry { why, mut refused } | SubmitOutcome::Rejected { why, mut refused } => {
            refused.pop().map_or(why, |one| one.failure)
        }
        other => panic!("{phase} {raw}: {other:?}"),
    }
}

#[tokio::test]
async fn every_smtp_error_has_its_code() {
    let mut wrong = Vec::new();
    for row in rows(SMTP) {
        compare(&row, &smtp_failure(&row).await, &mut wrong);
    }
    report(&wrong);
}

// --- POP3 ---

async fn pop3_server(mut peer: Peer, phase: &'static str, raw: &'static str) {
    if phase == "greeting" || phase == "first bytes" {
        return peer.say(lines_of(raw)).await;
    }
    peer.say("+OK ready\r\n").await;
    // No capabilities: USER and PASS.
    for answer in ["-ERR what?\r\n", "+OK\r\n"] {
        peer.hear().await;
        peer.say(answer).await;
    }
    peer.hear().await;
    if phase == "working" {
        peer.say("+OK in\r\n").await;
        peer.hear().await;
    }
    peer.say(lines_of(raw)).await;
    peer.be_silent().await;
}

async fn pop3_failure(row: &Row) -> Failure {
    let (phase, raw) = (row.phase, row.raw);
    let address = serve(None, move |peer| pop3_server(peer, phase, raw)).await;
    match Pop3::new(impatient()).open(&access(address, Security::None)).await {
        Err(failure) => failure,
        Ok(mut session) => session.changes(None).await.unwrap_err(),
    }
}

#[tokio::test]
async fn every_pop3_error_has_its_code() {
    let mut wrong = Vec::new();
    for row in rows(POP3) {
        compare(&row, &pop3_failure(&row).await, &mut wrong);
    }
    report(&wrong);
}

// --- IMAP ---

async fn imap_server(mut peer: Peer, phase: &'static str, raw: &'static str) {
    if phase == "greeting" {
        return peer.say(lines_of(raw)).await;
    }
    let refusal = |line: &str| {
        let tag = line.split(' ').next().unwrap_or_default();
        if raw.starts_with("BYE") { format!("* {raw}\r\n") } else { format!("{tag} {raw}\r\n") }
    };
    peer.say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n").await;
    let line = peer.hear().await;
    if phase == "login" {
        peer.say(refusal(&line)).await;
        return peer.be_silent().await;
    }
    peer.say("T1 OK [CAPABILITY IMAP4rev1] in\r\n").await;
    let line = peer.hear().await;
    if phase == "working" {
        let tag = line.split(' ').next().unwrap();
        let opened = "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 11] x\r\n";
        peer.say(format!("{opened}{tag} OK [READ-ONLY] done\r\n")).await;
        let line = peer.hear().await;
        peer.say(refusal(&line)).await;
    } else {
        peer.say(refusal(&line)).await;
    }
    if !raw.starts_with("BYE") {
        peer.be_silent().await;
    }
}

async fn imap_failure(row: &Row) -> Failure {
    let (phase, raw) = (row.phase, row.raw);
    let address = serve(None, move |peer| imap_server(peer, phase, raw)).await;
    match Imap::new(impatient()).open(&access(address, Security::None)).await {
        Err(failure) => failure,
        Ok(mut session) => session.changes(None).await.unwrap_err(),
    }
}

#[tokio::test]
async fn every_imap_error_has_its_code() {
    let mut wrong = Vec::new();
    for row in rows(IMAP) {
        compare(&row, &imap_failure(&row).await, &mut wrong);
    }
    report(&wrong);
}

// --- Names, connections and TLS ---

/// The error of an operating system, as this one would report it. `None`: only that system can make it.
fn system_error(raw: &str) -> Option<io::Error> {
    let Some((system, number)) = raw.split_once(' ') else { return Some(io::Error::other(raw.to_owned())) };
    let here = if cfg!(windows) { "windows" } else { "linux" };
    match (system, number.parse::<i32>()) {
        (system, Ok(number)) if system == here && cfg!(any(windows, target_os = "linux")) => {
            Some(io::Error::from_raw_os_error(number))
        }
        ("windows", Ok(number)) => windows_error(number),
        ("linux", Ok(_)) => None,
        _ => Some(io::Error::other(raw.to_owned())),
    }
}

/// How the standard library classifies Winsock's numbers on Windows; the resolver's are looked at by number.
fn windows_error(number: i32) -> Option<io::Error> {
    let kind = match number {
        11_001 | 11_002 | 11_004 => return Some(io::Error::from_raw_os_error(number)),
        10_013 => ErrorKind::PermissionDenied,
        10_049 => ErrorKind::AddrNotAvailable,
        10_050 => ErrorKind::NetworkDown,
        10_051 => ErrorKind::NetworkUnreachable,
        10_053 => ErrorKind::ConnectionAborted,
        10_054 => ErrorKind::ConnectionReset,
        10_060 => ErrorKind::TimedOut,
        10_061 => ErrorKind::ConnectionRefused,
        10_065 => ErrorKind::HostUnreachable,
        _ => return None,
    };
    Some(kind.into())
}

fn tls_error(raw: &str) -> io::Error {
    if raw.starts_with("peer closed connection without") {
        return io::Error::new(ErrorKind::UnexpectedEof, raw.to_owned());
    }
    let known = [
        TlsError::AlertReceived(AlertDescription::HandshakeFailure),
        TlsError::AlertReceived(AlertDescription::ProtocolVersion),
        TlsError::AlertReceived(AlertDescription::InsufficientSecurity),
        TlsError::AlertReceived(AlertDescription::InternalError),
        TlsError::AlertReceived(AlertDescription::CertificateRequired),
        TlsError::AlertReceived(AlertDescription::UnrecognisedName),
        TlsError::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13),
        TlsError::InvalidMessage(InvalidMessage::InvalidContentType),
        TlsError::DecryptError,
    ];
    let texts: Vec<String> = known.iter().map(ToString::to_string).collect();
    let found = known.into_iter().find(|error| error.to_string() == raw);
    io::Error::new(ErrorKind::InvalidData, found.unwrap_or_else(|| panic!("{raw} is none of {texts:#?}")))
}

async fn certificate_failure(raw: &str) -> Failure {
    let authority = Authority::new();
    let (_folder, path) = authority.file();
    let identity = match raw {
        "self-signed" => Identity::self_signed(&["localhost"]),
        "unknown issuer" => Authority::new().issue(&["localhost"], 2020..2090),
        "expired" => authority.issue(&["localhost"], 2020..2021),
        "not valid yet" => authority.issue(&["localhost"], 2089..2090),
        "wrong name" => authority.issue(&["mail.contoso.test"], 2020..2090),
        other => panic!("{other}"),
    };
    let address = serve(Some(&identity), |peer| peer.be_silent()).await;
    let mut access = access(address, Security::Tls);
    access.endpoint.server = "localhost".to_owned();
    access.endpoint.trust =
        CertificateTrust { ca_file: Some(path.display().to_string()), pinned_sha256: vec![] };
    let connected = impatient().connect(&access, &mut Ladder::unwatched()).await;
    let Err(failure) = connected else { panic!("{raw} is not refused") };
    assert!(failure.certificate.is_some(), "a refused certificate is shown: {failure}");
    failure
}

async fn first_bytes_failure(raw: &'static str) -> Failure {
    let bytes: Option<Vec<u8>> = raw.split(' ').map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
    let bytes = bytes.unwrap_or_else(|| lines_of(raw).into_bytes());
    let address = serve(None, move |mut peer| {
        let bytes = bytes.clone();
        async move {
            peer.say(bytes).await;
            peer.be_silent().await;
        }
    })
    .await;
    Pop3::new(impatient()).open(&access(address, Security::None)).await.err().expect("a refusal")
}

#[tokio::test]
async fn every_network_and_tls_error_has_its_code() {
    let mut wrong = Vec::new();
    let mut elsewhere = 0;
    for row in rows(NETWORK) {
        let failure = match row.phase {
            "dns" => system_error(row.raw).map(|error| net::resolving("mail.contoso.test", &error)),
            "tcp" => system_error(row.raw).map(|error| net::io("mail.contoso.test", &error)),
            "tls" => Some(net::io("mail.contoso.test", &tls_error(row.raw))),
            "certificate" => Some(certificate_failure(row.raw).await),
            "first bytes" => Some(first_bytes_failure(row.raw).await),
            other => panic!("{other}"),
        };
        match failure {
            Some(failure) => compare(&row, &failure, &mut wrong),
            None => elsewhere += 1,
        }
    }
    report(&wrong);
    // Winsock's "too many handles" and "no buffers" have no kind of their own: only Windows can make them.
    assert!(
        elsewhere <= if cfg!(target_os = "linux") { 2 } else { 17 },
        "{elsewhere} rows were not looked at"
    );
}
