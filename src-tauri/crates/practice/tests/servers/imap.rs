//! IMAP as a raw client and as async-imap see it.

use futures::TryStreamExt as _;
use tandem_practice::{Feature, ImapServer, MailHub, SENT, ServerOptions};
use tokio::net::TcpStream;

use crate::client::{AMY, Client, PASSWORD, hub, in_time, message, plain};

async fn server(hub: &MailHub) -> ImapServer {
    ImapServer::start(hub.clone(), ServerOptions::default()).await.expect("started")
}

fn three() -> MailHub {
    let hub = hub();
    for number in 1..=3 {
        hub.deliver(AMY, message(number)).expect("known");
    }
    hub
}

async fn selected(server: &ImapServer) -> Client {
    let mut client = Client::connect(server.address()).await;
    client.line().await;
    let answer = client.command(&format!("LOGIN {AMY} \"{PASSWORD}\"")).await;
    assert!(answer[0].starts_with("t OK [CAPABILITY IMAP4rev1"), "{answer:?}");
    let answer = client.command("SELECT inbox").await;
    assert!(answer.last().is_some_and(|line| line.starts_with("t OK [READ-WRITE]")), "{answer:?}");
    client
}

#[tokio::test]
async fn a_folder_is_selected_with_its_validity_and_modification_sequence() {
    let hub = three();
    let server = server(&hub).await;
    let mut client = selected(&server).await;
    let answer = client.command("EXAMINE INBOX (CONDSTORE)").await.join("\n");
    let validity = hub.uid_validity(AMY).expect("known");
    for part in [
        "* 3 EXISTS",
        &format!("[UIDVALIDITY {validity}]"),
        "[UIDNEXT 4]",
        "[HIGHESTMODSEQ 4]",
        "t OK [READ-ONLY]",
    ] {
        assert!(answer.contains(part), "{part} in {answer}");
    }
    let answer = client.command("STATUS INBOX (MESSAGES UIDNEXT UNSEEN UIDVALIDITY HIGHESTMODSEQ)").await;
    assert_eq!(
        answer[0],
        format!("* STATUS \"INBOX\" (MESSAGES 3 UIDNEXT 4 UNSEEN 3 UIDVALIDITY {validity} HIGHESTMODSEQ 4)")
    );
    let answer = client.command("LIST \"\" *").await;
    assert_eq!(answer.len(), 3);
    assert!(answer[1].contains("\\Sent"), "{answer:?}");
    assert!(client.command("SELECT Nowhere").await[0].starts_with("t NO"));
    server.faults().without(Feature::Condstore);
    let answer = client.command("SELECT INBOX").await.join("\n");
    assert!(answer.contains("NOMODSEQ") && !answer.contains("HIGHESTMODSEQ"));
    assert!(client.command("FETCH 1 MODSEQ").await[0].starts_with("t BAD"));
}

#[tokio::test]
async fn messages_are_fetched_by_number_uid_and_part() {
    let server = server(&three()).await;
    let mut client = selected(&server).await;
    let answer = client.command("UID FETCH 2:* (FLAGS RFC822.SIZE)").await;
    assert_eq!(answer.len(), 3);
    assert!(answer[0].starts_with("* 2 FETCH (UID 2 FLAGS () RFC822.SIZE 96)"), "{answer:?}");
    let answer = client.command("UID FETCH 100:* UID").await;
    assert_eq!(answer[0], "* 3 FETCH (UID 3)", "* names the last message");
    let answer = client.command("FETCH 1 (BODY.PEEK[]<0.6> UID)").await;
    assert_eq!(answer[..2], ["* 1 FETCH (BODY[]<0> {6}", "From:  UID 1)"]);
    let answer = client.command("FETCH 1 (FLAGS)").await;
    assert_eq!(answer[0], "* 1 FETCH (FLAGS ())", "PEEK has not marked it");
    let answer = client.command("UID FETCH 1 BODY[TEXT]").await;
    assert_eq!(answer[..2], ["* 1 FETCH (UID 1 BODY[TEXT] {8}", "Text 1"]);
    assert_eq!(answer[2], " FLAGS (\\Seen))");
    assert!(client.command("FETCH 9 UID").await[0].starts_with("t OK"));
    assert!(client.command("FETCH x UID").await[0].starts_with("t BAD"));
}

#[tokio::test]
async fn changes_since_a_modification_sequence_are_few() {
    let hub = three();
    let server = server(&hub).await;
    let mut client = selected(&server).await;
    client.command("UID STORE 2 +FLAGS.SILENT (\\Flagged)").await;
    let answer = client.command("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 4)").await;
    assert_eq!(answer[0], "* 2 FETCH (UID 2 FLAGS (\\Flagged) MODSEQ (5))");
    assert!(answer[1].starts_with("t OK"));
    let answer = client.command("UID STORE 1:2 (UNCHANGEDSINCE 4) +FLAGS (\\Seen)").await;
    assert!(answer.last().is_some_and(|line| line.contains("[MODIFIED 2]")), "{answer:?}");
}

#[tokio::test]
async fn a_client_that_comes_back_hears_what_changed_and_what_vanished() {
    let hub = three();
    let server = server(&hub).await;
    let mut client = Client::connect(server.address()).await;
    client.line().await;
    client.command(&format!("LOGIN {AMY} \"{PASSWORD}\"")).await;
    let validity = hub.uid_validity(AMY).expect("known");
    let resync = |more: &str| format!("EXAMINE INBOX (QRESYNC ({validity} 4{more}))");
    assert!(client.command(&resync("")).await[0].starts_with("t BAD"), "it was not enabled");
    assert_eq!(client.command("ENABLE QRESYNC").await[0], "* ENABLED QRESYNC");
    let answer = client.command(&resync("")).await.join("\n");
    assert!(!answer.contains("FETCH") && !answer.contains("VANISHED"), "{answer}");
    hub.remove(AMY, &[1, 3]).expect("known");
    hub.deliver(AMY, message(4)).expect("known");
    let told = client.command("NOOP").await;
    assert_eq!(told[..2], ["* VANISHED 1,3", "* 2 EXISTS"]);
    for (known, vanished, fetched) in [("", "1,3", true), (" 1:3", "1,3", false), (" 3:3", "3", false)] {
        let answer = client.command(&resync(known)).await.join("\n");
        assert!(answer.contains("[CLOSED]"), "{answer}");
        assert!(answer.contains(&format!("* VANISHED (EARLIER) {vanished}\n")), "{answer}");
        assert_eq!(answer.contains("* 2 FETCH (UID 4 FLAGS () MODSEQ (6))"), fetched, "{answer}");
    }
    let other = format!("EXAMINE INBOX (QRESYNC ({} 4))", validity + 1);
    assert!(!client.command(&other).await.join("\n").contains("VANISHED"));
    assert!(client.command("EXAMINE INBOX (QRESYNC (x))").await[0].contains("CLOSED"));
    server.faults().without(Feature::Qresync);
    assert!(!client.command("CAPABILITY").await[0].contains("QRESYNC"));
}

#[tokio::test]
async fn searches_find_what_they_name() {
    let server = server(&three()).await;
    let mut client = selected(&server).await;
    client.command("UID STORE 3 FLAGS (\\Seen)").await;
    for (search, found) in [
        ("ALL", " 1 2 3"),
        ("UID 2:*", " 2 3"),
        ("HEADER Message-ID \"<2@fabrikam.practice>\"", " 2"),
        ("UNSEEN NOT UID 1", " 2"),
        ("SINCE 1-Jan-2020", " 1 2 3"),
        ("BEFORE 1-Jan-2020", ""),
        ("OR SUBJECT \"message 1\" SEEN", " 1 3"),
        ("CHARSET UTF-8 (TEXT \"text 2\")", " 2"),
    ] {
        let answer = client.command(&format!("UID SEARCH {search}")).await;
        assert_eq!(answer[0], format!("* SEARCH{found}"), "{search}");
    }
    client.send("t UID SEARCH HEADER Message-ID {21}\r\n").await;
    assert!(client.line().await.starts_with("+ "));
    client.send("<1@fabrikam.practice>\r\n").await;
    assert_eq!(client.until_tagged("t").await[0], "* SEARCH 1");
    assert!(client.command(&format!("UID SEARCH {}ALL", "NOT ".repeat(1000))).await[0].starts_with("t BAD"));
}

#[tokio::test]
async fn only_named_deleted_messages_are_expunged() {
    let hub = three();
    let server = server(&hub).await;
    let mut client = selected(&server).await;
    client.command("UID STORE 1,3 +FLAGS.SILENT (\\Deleted)").await;
    let answer = client.command("UID EXPUNGE 2:3").await;
    assert!(
        answer.contains(&"* 3 EXPUNGE".to_owned()) && !answer.contains(&"* 1 EXPUNGE".to_owned()),
        "{answer:?}"
    );
    assert_eq!(hub.messages(AMY).len(), 2);
    let answer = client.command("EXPUNGE").await;
    assert_eq!(answer, ["* 1 EXPUNGE", "t OK done"]);
    let answer = client.command("UID MOVE 2 Sent").await.join("\n");
    assert!(answer.contains("COPYUID") && answer.contains("* 1 EXPUNGE"), "{answer}");
    assert_eq!((hub.messages(AMY).len(), hub.messages_in(AMY, SENT).len()), (0, 1));
}

#[tokio::test]
async fn a_message_is_appended_with_both_kinds_of_literal() {
    let hub = hub();
    let server = server(&hub).await;
    let mut client = selected(&server).await;
    client.send("t APPEND Sent (\\Seen) \"17-Jul-1996 02:44:25 -0700\" {6}\r\n").await;
    assert!(client.line().await.starts_with("+ "));
    client.send("A: b\r\n\r\n").await;
    assert!(client.until_tagged("t").await[0].starts_with("t OK [APPENDUID "));
    client.send("t APPEND \"Sent\" {6+}\r\nC: d\r\n\r\n").await;
    assert!(client.until_tagged("t").await[0].starts_with("t OK [APPENDUID "));
    let sent = hub.messages_in(AMY, SENT);
    assert_eq!((&*sent[0].raw, &*sent[1].raw), (&b"A: b\r\n"[..], &b"C: d\r\n"[..]));
    assert_eq!(
        (sent[0].flags.join(" "), sent[0].received_at.to_rfc3339()),
        ("\\Seen".into(), "1996-07-17T09:44:25+00:00".into())
    );
    assert!(client.command("APPEND Nowhere {1+}\r\nx").await[0].starts_with("t NO [TRYCREATE]"));
}

#[tokio::test]
async fn plain_authentication_works_with_and_without_initial_response() {
    let server = server(&hub()).await;
    let mut client = Client::connect(server.address()).await;
    client.line().await;
    assert!(client.command("SELECT INBOX").await[0].starts_with("t BAD"));
    let wrong = client.command(&format!("AUTHENTICATE PLAIN {}", plain(AMY, "wrong"))).await;
    assert!(wrong[0].starts_with("t NO [AUTHENTICATIONFAILED]"));
    client.send("t AUTHENTICATE PLAIN\r\n").await;
    assert_eq!(client.line().await, "+ ");
    client.send(format!("{}\r\n", plain(AMY, PASSWORD))).await;
    assert!(client.until_tagged("t").await[0].starts_with("t OK"));
    let answer = client.command("LOGOUT").await;
    assert!(answer[0].starts_with("* BYE"));
}

#[tokio::test]
async fn another_clients_changes_are_told_and_a_new_validity_ends_the_session() {
    let hub = three();
    let server = server(&hub).await;
    let mut client = selected(&server).await;
    hub.remove(AMY, &[1]).expect("known");
    hub.deliver(AMY, message(4)).expect("known");
    assert!(
        client.command("FETCH 1 UID").await[0].starts_with("t OK"),
        "numbers stay until the client hears"
    );
    assert_eq!(client.command("NOOP").await, ["* 1 EXPUNGE", "* 3 EXISTS", "t OK done"]);
    hub.renew_uid_validity(AMY).expect("known");
    client.send("t NOOP\r\n").await;
    assert!(client.line().await.starts_with("* BYE"));
}

/// async-imap: the client that the adapter is built on.
#[tokio::test]
async fn async_imap_logs_in_fetches_idles_and_appends() {
    let hub = three();
    let server = server(&hub).await;
    let socket = TcpStream::connect(server.address()).await.expect("connected");
    let mut client = async_imap::Client::new(socket);
    client.read_response().await.expect("read").expect("a greeting");
    let mut session = client.login(AMY, PASSWORD).await.map_err(|(error, _)| error).expect("logged in");
    let capabilities = session.capabilities().await.expect("capabilities");
    assert!(capabilities.has_str("CONDSTORE") && capabilities.has_str("IDLE"));
    let mailbox = session.select_condstore("INBOX").await.expect("selected");
    assert_eq!((mailbox.exists, mailbox.uid_next, mailbox.uid_validity), (3, Some(4), hub.uid_validity(AMY)));
    assert_eq!(mailbox.highest_modseq, Some(4));
    let found = session.uid_search("HEADER Message-ID \"<3@fabrikam.practice>\"").await.expect("searched");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [3]);
    let query = "(UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ BODY.PEEK[])";
    let fetched: Vec<_> =
        session.uid_fetch("1:*", query).await.expect("asked").try_collect().await.expect("fetched");
    for (fetch, stored) in fetched.iter().zip(hub.messages(AMY)) {
        assert_eq!(fetch.uid, Some(stored.uid));
        assert_eq!(fetch.body(), Some(&*stored.raw));
        assert_eq!(fetch.size, u32::try_from(stored.raw.len()).ok());
        assert_eq!(fetch.internal_date().map(|at| at.timestamp()), Some(stored.received_at.timestamp()));
        assert_eq!(fetch.modseq, Some(stored.mod_seq));
    }
    assert_eq!(fetched.len(), 3);
    session.append("Sent", Some("(\\Seen)"), None, b"Subject: copy\r\n\r\n").await.expect("appended");
    assert_eq!(hub.messages_in(AMY, SENT).len(), 1);

    let mut idle = session.idle();
    idle.init().await.expect("idling");
    let (arrived, _stop) = idle.wait();
    let deliver = async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        hub.deliver(AMY, message(4)).expect("known");
    };
    let (arrived, ()) = in_time(async { tokio::join!(arrived, deliver) }).await;
    let told = format!("{:?}", arrived.expect("told"));
    assert!(told.contains("Exists(4)"), "{told}");
    let mut session = in_time(idle.done()).await.expect("done");
    let stored: Vec<_> =
        session.uid_store("4", "+FLAGS (\\Seen)").await.expect("asked").try_collect().await.expect("stored");
    assert_eq!(stored.len(), 1);
    session.logout().await.expect("logged out");
}
