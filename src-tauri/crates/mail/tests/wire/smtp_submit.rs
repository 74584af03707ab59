//! SMTP submission: what reaches the server, and what each answer makes of the message.

use crate::support::{Identity, PASSWORD, Peer, access, impatient, patient, serve, serve_watched, trusting};
use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tandem_domain::{
    address::EmailAddress,
    failure::{Failure, FailureCode, Nature},
    outgoing::SubmitOutcome,
    probe::{RungName, RungOutcome},
    profile::Security,
};
use tandem_engine::{
    ports::mail::{CommitPoint, Credentials, NoReport, OutgoingMail, OutgoingSession, Submission},
    raw::RawMessage,
};
use tandem_mail::smtp::Smtp;

const MESSAGE: &str = "Subject: x\r\n\r\n.dot\nlf\r\nend";
const AS_SENT: [&str; 5] = ["Subject: x", "", "..dot", "lf", "end"];

/// Counts the commit points.
#[derive(Default)]
struct Commits(AtomicUsize);

#[async_trait]
impl CommitPoint for Commits {
    async fn about_to_commit(&self) -> Result<(), Failure> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// A store that cannot record.
struct Refusing;

#[async_trait]
impl CommitPoint for Refusing {
    async fn about_to_commit(&self) -> Result<(), Failure> {
        Err(Failure::transient_profile(FailureCode::DiskFull, "no room"))
    }
}

fn submission(recipients: &[&str]) -> Submission {
    Submission {
        mail_from: EmailAddress::parse("amy@contoso.test").unwrap(),
        recipients: recipients.iter().map(ToString::to_string).collect(),
        raw: RawMessage::from(MESSAGE.as_bytes().to_vec()),
    }
}

/// Greets; `extensions` are separated by blanks.
async fn greet(peer: &mut Peer, extensions: &str) {
    peer.say("220 mail.contoso.test ESMTP\r\n").await;
    hello(peer, extensions).await;
}

async fn hello(peer: &mut Peer, extensions: &str) {
    peer.expect("EHLO [127.0.0.1]").await;
    for extension in extensions.split(' ') {
        peer.say(format!("250-{}\r\n", extension.replace('=', " "))).await;
    }
    peer.say("250 HELP\r\n").await;
}

async fn hear_message(peer: &mut Peer) {
    for line in AS_SENT {
        peer.expect(line).await;
    }
    peer.expect(".").await;
}

async fn open(address: SocketAddr) -> Box<dyn OutgoingSession> {
    let mut access = access(address, Security::None);
    access.credentials = Credentials::None;
    Smtp::new(impatient()).open(&access).await.unwrap()
}

/// Submits to Bo and Cy with a server of this script, and gives the outcome and the number of commit points.
async fn outcome_of<F, Fut>(script: F) -> (SubmitOutcome, usize, bool)
where
    F: Fn(Peer) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let (address, mut watch) = serve_watched(None, script).await;
    let mut session = open(address).await;
    let commits = Commits::default();
    let outcome = session.submit(&submission(&["bo@contoso.test", "cy@contoso.test"]), &commits).await;
    let open = session.is_open();
    drop(session);
    watch.script_held().await;
    (outcome, commits.0.load(Ordering::SeqCst), open)
}

#[tokio::test]
async fn two_messages_go_through_one_encrypted_session() {
    let identity = Identity::self_signed(&["localhost"]);
    let (address, mut watch) = serve_watched(Some(&identity), async |mut peer| {
        greet(&mut peer, "x PIPELINING SIZE=1000 8BITMIME AUTH=PLAIN=LOGIN").await;
        let line = STANDARD.encode(format!("\0amy\0{PASSWORD}"));
        peer.on(&format!("AUTH PLAIN {line}"), "235 2.7.0 in\r\n").await;
        for id in ["A1", "A2"] {
            peer.expect("MAIL FROM:<amy@contoso.test> SIZE=26").await;
            peer.expect("RCPT TO:<bo@contoso.test>").await;
            // All three are here before the first is answered.
            peer.expect("DATA").await;
            peer.say("250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go\r\n").await;
            hear_message(&mut peer).await;
            peer.say(format!("250 2.0.0 queued as {id}\r\n")).await;
        }
        peer.on("QUIT", "221 bye\r\n").await;
    })
    .await;
    let access = trusting(access(address, Security::Tls), &identity);
    let mut session = Smtp::new(patient()).open(&access).await.unwrap();
    for id in ["A1", "A2"] {
        let outcome = session.submit(&submission(&["bo@contoso.test"]), &Commits::default()).await;
        let server_said = format!("250 2.0.0 queued as {id}");
        assert_eq!(outcome, SubmitOutcome::Accepted { server_said, refused: vec![] });
        assert!(session.is_open());
    }
    session.close().await;
    watch.script_held().await;
}

#[tokio::test]
async fn one_refused_recipient_does_not_hold_up_the_other() {
    for pipelining in ["PIPELINING", "x"] {
        let (outcome, commits, open) = outcome_of(move |mut peer| async move {
            greet(&mut peer, &format!("h {pipelining}")).await;
            // The answers come one by one, as each is heard or all behind the last.
            peer.on("MAIL FROM:<amy@contoso.test>", "250 ok\r\n").await;
            peer.on("RCPT TO:<bo@contoso.test>", "550-5.1.1 no such\r\n550 5.1.1 user\r\n").await;
            peer.on("RCPT TO:<cy@contoso.test>", "250 ok\r\n").await;
            peer.on("DATA", "354 go\r\n").await;
            hear_message(&mut peer).await;
            peer.say("250 ok\r\n").await;
        })
        .await;
        let SubmitOutcome::Accepted { refused, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].address, "bo@contoso.test");
        assert_eq!(refused[0].failure.server_said, "550 5.1.1 no such user");
        assert_eq!((commits, open), (1, true));
    }
}

#[tokio::test]
async fn nobody_is_left_and_the_session_goes_on_with_a_reset() {
    let (address, mut watch) = serve_watched(None, async |mut peer| {
        greet(&mut peer, "h PIPELINING").await;
        peer.expect("MAIL FROM:<amy@contoso.test>").await;
        peer.expect("RCPT TO:<bo@contoso.test>").await;
        peer.expect("RCPT TO:<cy@contoso.test>").await;
        peer.expect("DATA").await;
        peer.say("250 ok\r\n550 5.1.1 no\r\n450 4.2.1 later\r\n554 5.5.1 nobody\r\n").await;
        peer.on("RSET", "250 ok\r\n").await;
        peer.expect("MAIL FROM:<amy@contoso.test>").await;
        peer.expect("RCPT TO:<bo@contoso.test>").await;
        peer.expect("DATA").await;
        peer.say("250 ok\r\n550 5.1.1 no\r\n503 nobody\r\n").await;
    })
    .await;
    let mut session = open(address).await;
    let commits = Commits::default();
    let outcome = session.submit(&submission(&["bo@contoso.test", "cy@contoso.test"]), &commits).await;
    let SubmitOutcome::Retry { why, refused } = outcome else { panic!("{outcome:?}") };
    assert_eq!((why.code, refused.len()), (FailureCode::Throttled, 2));
    let outcome = session.submit(&submission(&["bo@contoso.test"]), &commits).await;
    let SubmitOutcome::Rejected { why, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(why.code, FailureCode::RecipientsRefused);
    assert_eq!(commits.0.load(Ordering::SeqCst), 0);
    watch.script_held().await;
}

#[tokio::test]
async fn a_refused_sender_is_told_as_such() {
    let (outcome, commits, open) = outcome_of(async |mut peer| {
        greet(&mut peer, "h PIPELINING").await;
        peer.expect("MAIL FROM:<amy@contoso.test>").await;
        peer.expect("RCPT TO:<bo@contoso.test>").await;
        peer.expect("RCPT TO:<cy@contoso.test>").await;
        peer.expect("DATA").await;
        peer.say("553 5.7.1 not yours\r\n503 no sender\r\n503 no sender\r\n503 no sender\r\n").await;
    })
    .await;
    let SubmitOutcome::Rejected { why, refused } = outcome else { panic!("{outcome:?}") };
    assert_eq!((why.code, refused.len(), commits, open), (FailureCode::SenderRefused, 0, 0, true));
}

#[tokio::test]
async fn a_server_that_wants_a_message_for_nobody_gets_none() {
    for (answers, code) in [
        ("250 ok\r\n550 5.1.1 no\r\n550 5.1.1 no\r\n354 go\r\n", FailureCode::RecipientsRefused),
        ("553 5.7.1 not yours\r\n503 no\r\n503 no\r\n354 go\r\n", FailureCode::SenderRefused),
        // What was decided stays decided when the connection goes with the last answer.
        ("250 ok\r\n550 5.1.1 no\r\n550 5.1.1 no\r\n", FailureCode::RecipientsRefused),
        ("250 ok\r\n550 5.1.1 no\r\n550 5.1.1 no\r\n421 bye\r\n", FailureCode::RecipientsRefused),
    ] {
        let (outcome, commits, open) = outcome_of(move |mut peer| async move {
            greet(&mut peer, "h PIPELINING").await;
            for _ in 0..4 {
                peer.hear().await;
            }
            peer.say(answers).await;
            if answers.contains("354") {
                assert_eq!(peer.hear().await, "", "the connection ends without a dot");
            }
        })
        .await;
        let SubmitOutcome::Rejected { why, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!((why.code, commits, open), (code, 0, false), "{answers}");
    }
}

#[tokio::test]
async fn many_recipients_go_in_groups_and_data_with_the_last() {
    let (address, mut watch) = serve_watched(None, async |mut peer| {
        greet(&mut peer, "h PIPELINING").await;
        peer.expect("MAIL FROM:<amy@contoso.test>").await;
        for number in 0..100 {
            peer.expect(&format!("RCPT TO:<p{number}@contoso.test>")).await;
        }
        peer.say("250 ok\r\n".repeat(101)).await;
        for number in 100..150 {
            peer.expect(&format!("RCPT TO:<p{number}@contoso.test>")).await;
        }
        peer.expect("DATA").await;
        peer.say("250 ok\r\n".repeat(50) + "354 go\r\n").await;
        hear_message(&mut peer).await;
        peer.say("250 ok\r\n").await;
    })
    .await;
    let many: Vec<String> = (0..150).map(|number| format!("p{number}@contoso.test")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let outcome = open(address).await.submit(&submission(&many), &Commits::default()).await;
    assert!(matches!(&outcome, SubmitOutcome::Accepted { refused, .. } if refused.is_empty()), "{outcome:?}");
    watch.script_held().await;
}

/// Takes the envelope and the message, up to and with the final dot.
async fn take_message(peer: &mut Peer) {
    greet(peer, "h").await;
    peer.on("MAIL FROM:<amy@contoso.test>", "250 ok\r\n").await;
    peer.on("RCPT TO:<bo@contoso.test>", "250 ok\r\n").await;
    peer.on("RCPT TO:<cy@contoso.test>", "250 ok\r\n").await;
    peer.on("DATA", "354 go\r\n").await;
    hear_message(peer).await;
}

#[tokio::test]
async fn each_answer_to_the_end_decides() {
    let cases: [(&str, &str, Option<Nature>, bool); 7] = [
        ("250 2.0.0 ok\r\n", "accepted", None, true),
        ("451 4.3.0 later\r\n", "retry", Some(Nature::Transient), true),
        ("554 5.7.1 spam\r\n", "rejected", Some(Nature::Permanent), true),
        ("421 4.3.2 bye\r\n", "retry", Some(Nature::Transient), false),
        ("", "unconfirmed", Some(Nature::Transient), false),
        ("garbage\r\n", "unconfirmed", Some(Nature::Transient), false),
        ("250-half a rep", "unconfirmed", Some(Nature::Transient), false),
    ];
    for (answer, word, nature, open) in cases {
        let (outcome, commits, is_open) = outcome_of(move |mut peer| async move {
            take_message(&mut peer).await;
            peer.say(answer).await;
        })
        .await;
        let (got, why) = match outcome {
            SubmitOutcome::Accepted { .. } => ("accepted", None),
            SubmitOutcome::Retry { why, .. } => ("retry", Some(why)),
            SubmitOutcome::Rejected { why, .. } => ("rejected", Some(why)),
            SubmitOutcome::Unconfirmed(why) => ("unconfirmed", Some(why)),
        };
        assert_eq!((got, why.map(|why| why.nature), commits, is_open), (word, nature, 1, open), "{answer:?}");
    }
}

#[tokio::test]
async fn silence_after_the_end_leaves_the_message_unconfirmed() {
    let (outcome, commits, open) = outcome_of(async |mut peer| {
        take_message(&mut peer).await;
        peer.be_silent().await;
    })
    .await;
    let SubmitOutcome::Unconfirmed(why) = outcome else { panic!("{outcome:?}") };
    assert_eq!((why.code, commits, open), (FailureCode::DeliveryUnconfirmed, 1, false));
}

#[tokio::test]
async fn before_the_end_a_lost_connection_is_a_retry() {
    for lines in 0..4 {
        let (outcome, commits, open) = outcome_of(move |mut peer| async move {
            greet(&mut peer, "h").await;
            let answers = ["250 ok\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n"];
            for answer in &answers[..lines] {
                peer.hear().await;
                peer.say(answer).await;
            }
            peer.hear().await;
        })
        .await;
        let SubmitOutcome::Retry { why, .. } = outcome else { panic!("{lines}: {outcome:?}") };
        assert_eq!((why.code, commits, open), (FailureCode::ConnectionLost, 0, false), "{lines}");
    }
}

#[tokio::test]
async fn without_a_recorded_commit_point_the_end_is_not_sent() {
    let (address, mut watch) = serve_watched(None, async |mut peer| {
        greet(&mut peer, "h").await;
        peer.on("MAIL FROM:<amy@contoso.test>", "250 ok\r\n").await;
        peer.on("RCPT TO:<bo@contoso.test>", "250 ok\r\n").await;
        peer.on("DATA", "354 go\r\n").await;
        for line in AS_SENT {
            peer.expect(line).await;
        }
        assert_eq!(peer.hear().await, "", "the connection ends without the dot");
    })
    .await;
    let mut session = open(address).await;
    let outcome = session.submit(&submission(&["bo@contoso.test"]), &Refusing).await;
    let SubmitOutcome::Retry { why, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(why.code, FailureCode::DiskFull);
    assert!(!session.is_open());
    session.close().await;
    watch.script_held().await;
}

#[tokio::test]
async fn everything_but_the_dot_is_with_the_server_at_the_commit_point() {
    /// Lets the server tell how much it has before the end is sent.
    struct Waiting(tokio::sync::Mutex<tokio::sync::oneshot::Receiver<()>>);
    #[async_trait]
    impl CommitPoint for Waiting {
        async fn about_to_commit(&self) -> Result<(), Failure> {
            (&mut *self.0.lock().await).await.expect("the server has every line");
            Ok(())
        }
    }
    let (tell, told) = tokio::sync::oneshot::channel();
    let tell = Arc::new(std::sync::Mutex::new(Some(tell)));
    let address = serve(None, move |mut peer| {
        let tell = tell.lock().unwrap().take().unwrap();
        async move {
            greet(&mut peer, "h").await;
            peer.on("MAIL FROM:<amy@contoso.test>", "250 ok\r\n").await;
            peer.on("RCPT TO:<bo@contoso.test>", "250 ok\r\n").await;
            peer.on("DATA", "354 go\r\n").await;
            for line in AS_SENT {
                peer.expect(line).await;
            }
            tell.send(()).unwrap();
            peer.on(".", "250 ok\r\n").await;
        }
    })
    .await;
    let mut session = open(address).await;
    let commit = Waiting(tokio::sync::Mutex::new(told));
    let outcome = session.submit(&submission(&["bo@contoso.test"]), &commit).await;
    assert!(matches!(outcome, SubmitOutcome::Accepted { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_large_spooled_message_arrives_whole() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text: String = (0..60_000).map(|number| format!(".line {number:08} {}\n", "x".repeat(60))).collect();
    std::fs::write(file.path(), &text).unwrap();
    let raw = RawMessage::Spooled { path: Arc::new(file.into_temp_path()), len: text.len() as u64 };
    let (address, mut watch) = serve_watched(None, async |mut peer| {
        greet(&mut peer, "h").await;
        peer.on("MAIL FROM:<amy@contoso.test>", "250 ok\r\n").await;
        peer.on("RCPT TO:<bo@contoso.test>", "250 ok\r\n").await;
        peer.on("DATA", "354 go\r\n").await;
        for number in 0..60_000 {
            peer.expect(&format!("..line {number:08} {}", "x".repeat(60))).await;
        }
        peer.on(".", "250 ok\r\n").await;
    })
    .await;
    let mut session = open(address).await;
    let submission = Submission { raw, ..submission(&["bo@contoso.test"]) };
    let outcome = session.submit(&submission, &Commits::default()).await;
    assert!(matches!(outcome, SubmitOutcome::Accepted { .. }), "{outcome:?}");
    watch.script_held().await;
}

#[tokio::test]
async fn an_answer_before_the_end_is_heard_before_the_commit_point() {
    for (early, retry) in [("552 5.3.4 too big\r\n", false), ("421 bye\r\n", true), ("250 ok\r\n", true)] {
        let (outcome, commits, open) = outcome_of(move |mut peer| async move {
            greet(&mut peer, "h").await;
            peer.on("MAIL FROM:<amy@contoso.test>", "250 ok\r\n").await;
            peer.on("RCPT TO:<bo@contoso.test>", "250 ok\r\n").await;
            peer.on("RCPT TO:<cy@contoso.test>", "250 ok\r\n").await;
            peer.on("DATA", &format!("354 go\r\n{early}")).await;
        })
        .await;
        assert_eq!(matches!(outcome, SubmitOutcome::Retry { .. }), retry, "{early}: {outcome:?}");
        assert_eq!(matches!(outcome, SubmitOutcome::Rejected { .. }), !retry, "{early}: {outcome:?}");
        assert_eq!((commits, open), (0, false), "{early}");
    }
}

#[tokio::test]
async fn the_servers_last_words_in_the_middle_of_a_message_are_heard() {
    let address = serve(None, async |mut peer| {
        greet(&mut peer, "h").await;
        peer.on("MAIL FROM:<amy@contoso.test>", "250 ok\r\n").await;
        peer.on("RCPT TO:<bo@contoso.test>", "250 ok\r\n").await;
        peer.on("DATA", "354 go\r\n552 5.3.4 too big\r\n").await;
        peer.break_off().await;
    })
    .await;
    let mut session = open(address).await;
    let raw = RawMessage::from(vec![b'x'; 40_000_000]);
    let submission = Submission { raw, ..submission(&["bo@contoso.test"]) };
    let outcome = session.submit(&submission, &Commits::default()).await;
    let SubmitOutcome::Rejected { why, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(why.code, FailureCode::MessageTooLargeForServer);
}

async fn login_failure(extensions: &'static str, answers: &'static [&'static str]) -> Failure {
    let address = serve(None, move |mut peer| async move {
        greet(&mut peer, extensions).await;
        for answer in answers {
            peer.hear().await;
            peer.say(answer).await;
        }
        peer.be_silent().await;
    })
    .await;
    let failure = Smtp::new(impatient()).open(&access(address, Security::None)).await.err().unwrap();
    assert!(!format!("{failure:?}").contains(PASSWORD));
    failure
}

#[tokio::test]
async fn a_refused_login_tells_the_password_from_the_mechanism() {
    let wrong = login_failure("h AUTH=PLAIN", &["535 5.7.8 bad\r\n"]).await;
    assert_eq!((wrong.code, wrong.nature), (FailureCode::AuthenticationFailed, Nature::Permanent));
    let wrong =
        login_failure("h AUTH=LOGIN", &["334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n", "535 no\r\n"]).await;
    assert_eq!(wrong.code, FailureCode::AuthenticationFailed);
    let none = login_failure("h AUTH=GSSAPI", &[]).await;
    assert_eq!(none.code, FailureCode::AuthenticationUnsupported);
    assert!(none.server_said.contains("GSSAPI"));
    let off = login_failure("h AUTH=PLAIN", &["550 5.7.30 Basic authentication is not supported\r\n"]).await;
    assert_eq!(off.code, FailureCode::AuthenticationUnsupported);
    let echo = login_failure("h AUTH=LOGIN", &["500 unknown: correct horse \u{e4}\r\n"]).await;
    assert_eq!(echo.server_said, "500 unknown: ***");
    let later = login_failure("h AUTH=PLAIN", &["454 4.7.0 directory is away\r\n"]).await;
    assert_eq!(later.nature, Nature::Transient);
}

#[tokio::test]
async fn other_servers_and_silence_are_recognised() {
    use FailureCode::{ProtocolViolation, SenderBlocked, ServerUnavailable, TimedOut, WrongProtocol};
    for (greeting, code, nature) in [
        ("+OK POP3\r\n", WrongProtocol, Nature::Permanent),
        ("* OK IMAP\r\n", WrongProtocol, Nature::Permanent),
        ("nonsense", ProtocolViolation, Nature::Transient),
        ("2\u{e4}\r\n", ProtocolViolation, Nature::Transient),
        ("554 no service\r\n", SenderBlocked, Nature::Permanent),
        ("421 busy\r\n", ServerUnavailable, Nature::Transient),
        ("", TimedOut, Nature::Transient),
        ("220-endless", TimedOut, Nature::Transient),
    ] {
        let address = serve(None, move |mut peer| async move {
            peer.say(greeting).await;
            peer.be_silent().await;
        })
        .await;
        let failure = Smtp::new(impatient()).open(&access(address, Security::None)).await.err().unwrap();
        assert_eq!((failure.code, failure.nature), (code, nature), "{greeting}: {failure}");
    }
}

#[tokio::test]
async fn an_older_server_is_greeted_with_helo() {
    let address = serve(None, async |mut peer| {
        peer.say("220 old\r\n").await;
        peer.on("EHLO [127.0.0.1]", "502 what\r\n").await;
        peer.on("HELO [127.0.0.1]", "250 hello\r\n").await;
    })
    .await;
    open(address).await;
}

#[tokio::test]
async fn starttls_is_used_and_climbs_up_to_the_test_message() {
    let identity = Arc::new(Identity::self_signed(&["localhost"]));
    let served = Arc::clone(&identity);
    let (address, mut watch) = serve_watched(None, move |mut peer| {
        let identity = Arc::clone(&served);
        async move {
            greet(&mut peer, "h STARTTLS AUTH=LOGIN").await;
            peer.on("STARTTLS", "220 go\r\n").await;
            let mut peer = peer.start_tls(&identity).await;
            hello(&mut peer, "h AUTH=PLAIN PIPELINING").await;
            assert!(peer.hear().await.starts_with("AUTH PLAIN "));
            peer.say("235 in\r\n").await;
            peer.on("MAIL FROM:<amy@contoso.test>", "250 ok\r\n").await;
            peer.on("RCPT TO:<amy@contoso.test>", "250 ok\r\n").await;
            peer.on("DATA", "354 go\r\n").await;
            hear_message(&mut peer).await;
            peer.say("250 queued\r\n").await;
            peer.on("QUIT", "221 bye\r\n").await;
        }
    })
    .await;
    let access = trusting(access(address, Security::StartTls), &identity);
    let test = submission(&["amy@contoso.test"]);
    let rungs = Smtp::new(patient()).probe(&access, Some(&test), &NoReport).await;
    use RungName::{Dns, Login, Send, Tcp, Tls};
    assert_eq!(rungs.iter().map(|rung| rung.name).collect::<Vec<_>>(), [Dns, Tcp, Tls, Login, Send]);
    assert!(rungs.iter().all(|rung| rung.outcome == RungOutcome::Passed), "{rungs:?}");
    assert_eq!(rungs[4].server_said, "250 queued");
    watch.script_held().await;
}

#[tokio::test]
async fn a_stripped_starttls_and_an_injected_answer_end_before_the_password() {
    for (extensions, answer, code) in [
        ("h AUTH=PLAIN", "", FailureCode::StartTlsMissing),
        ("h STARTTLS", "502 no\r\n", FailureCode::StartTlsMissing),
        ("h STARTTLS", "220 go\r\n250-h\r\n250 AUTH PLAIN\r\n", FailureCode::ProtocolViolation),
    ] {
        let (address, mut watch) = serve_watched(None, move |mut peer| async move {
            greet(&mut peer, extensions).await;
            if !answer.is_empty() {
                peer.on("STARTTLS", answer).await;
            }
            assert!(!peer.hear().await.contains("AUTH"));
        })
        .await;
        let failure = Smtp::new(impatient()).open(&access(address, Security::StartTls)).await.err().unwrap();
        assert_eq!(failure.code, code);
        watch.script_held().await;
    }
}
