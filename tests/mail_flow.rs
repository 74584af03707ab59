//! Real mail in, real mail out: set up, tested, received, answered, threaded, over each way of fetching mail.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic in a test is its failure"
)]

use chrono::{DateTime, TimeZone, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    sync::OnceLock,
    time::{Duration, SystemTime},
};
use tandem_tests::{
    Account, Mail, MailOptions, MailServers, Practice, Retrieval, Scene, Server, header, unfolded, wait_until,
};

const SOON: Duration = Duration::from_secs(30);

/// Servers that all tests share which neither stop nor break them; each test has accounts of its own.
fn servers() -> &'static MailServers {
    static SERVERS: OnceLock<MailServers> = OnceLock::new();
    SERVERS.get_or_init(|| {
        let tests = [
            "flow0",
            "flow1",
            "flow2",
            "flow3",
            "untouched",
            "part",
            "keep",
            "queue",
            "later",
            "twice",
            "uids0",
            "uids1",
            "why",
            "same",
            "remap",
        ];
        let names: Vec<_> = tests
            .iter()
            .flat_map(|test| ["amy", "ben", "sue"].map(|name| format!("{name}.{test}")))
            .collect();
        MailServers::start_with(&MailOptions::with_accounts(names.iter().map(String::as_str)))
    })
}

/// The two accounts of a test.
fn pair(test: &str) -> [&'static Account; 2] {
    ["amy", "ben"].map(|name| servers().account(&format!("{name}.{test}")))
}

fn setup(test: &str, retrieval: Retrieval) -> String {
    servers().setup_for("Contoso", retrieval, &pair(test))
}

fn ready(test: &str, retrieval: Retrieval) -> Scene {
    Scene::ready(&pair(test).map(Clone::clone), &setup(test, retrieval))
}

fn rungs(ladder: &Value) -> Vec<(&str, &str)> {
    let rungs = ladder["rungs"].as_array().unwrap();
    rungs.iter().map(|rung| (rung["name"].as_str().unwrap(), rung["status"].as_str().unwrap())).collect()
}

fn mail_flows_both_ways(test: &str, retrieval: Retrieval) {
    let servers = servers();
    let [amy, ben] = pair(test).map(|account| account.address.as_str());
    let scene = Scene::new(&pair(test).map(Clone::clone));
    let contacts = "\n[[contact]]\nname = \"Eve Example\"\nemail = \"eve@fabrikam.test\"\n";
    let text = setup(test, retrieval).replace("approved = true", "approved = false") + contacts;
    let _ = scene.apply(&text).success();
    // Something to read for the rung that reads.
    servers.deliver(
        amy,
        &Mail::new("x@fabrikam.test", amy, "early", &format!("early.{test}@fabrikam.test")).raw(),
    );
    servers.deliver(
        ben,
        &Mail::new("x@fabrikam.test", ben, "early", &format!("early.b.{test}@fabrikam.test")).raw(),
    );

    let _ = scene.data.run(["mailbox", "approve", amy, ben]).success();
    let tested = scene.data.json(["mailbox", "test-enable", amy, ben]);
    let ladders = tested["ladders"].as_array().unwrap();
    for address in [amy, ben] {
        for (workload, expected) in [
            ("incoming", ["dns", "tcp", "tls", "login", "list", "read"]),
            ("outgoing", ["dns", "tcp", "tls", "login", "send", "round_trip"]),
        ] {
            let ladder = ladders
                .iter()
                .find(|ladder| ladder["object"] == address && ladder["workload"] == workload)
                .unwrap_or_else(|| panic!("no ladder {address} {workload} in {tested:#}"));
            assert_eq!(ladder["status"], "success", "{ladder:#}");
            assert_eq!(rungs(ladder), expected.map(|name| (name, "passed")), "{ladder:#}");
            for rung in ladder["rungs"].as_array().unwrap() {
                assert!(
                    rung["took_ms"].is_u64() && !rung["server_said"].as_str().unwrap().is_empty(),
                    "{rung:#}"
                );
            }
            let state = &scene.mailbox(address)["workloads"][workload];
            assert_eq!((&state["enabled"], &state["status"]), (&true.into(), &"success".into()), "{state:#}");
        }
    }

    // From outside: parties, body, attachment.
    let file: Vec<u8> = (0..70_000_u32).flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_be_bytes()).collect();
    let first = format!("first.{test}@fabrikam.test");
    let raw = Mail::new("Eve Example <Eve@Fabrikam.test>", amy, "Ängste um Öl", &first)
        .body("Grüße aus Köln")
        .attach("plan.bin", &file)
        .raw();
    servers.send_from_outside("eve@fabrikam.test", amy, &raw);
    // Beside the early mail and Tandem's own test message.
    servers.wait_for_inbox(amy, 3, SOON);
    scene.sync(amy);
    let received = scene.email_with(&first);
    assert_eq!(received["direction"], "incoming");
    assert_eq!(received["status"], "received");
    assert_eq!(received["subject"], "Ängste um Öl");
    assert_eq!(received["body_text"].as_str().unwrap().trim(), "Grüße aus Köln");
    assert_eq!(received["receiving_mailbox"], amy);
    assert_eq!(received["owner"]["name"], amy);
    let from = &received["from"][0];
    assert_eq!(from["name"], "Eve Example");
    assert_eq!(from["resolved"][0]["type"], "contact", "{received:#}");
    assert_eq!(from["resolved"][0]["name"], "Eve Example");
    assert_eq!(received["to"][0]["resolved"][0]["type"], "user", "{received:#}");
    let attachment = &received["attachments"][0];
    assert_eq!(attachment["name"], "plan.bin");
    assert_eq!(attachment["size"], file.len());
    assert_eq!(attachment["sha256"], hex(&file), "{attachment:#}");
    let raw_shown = scene.data.run(["email", "show", received["id"].as_str().unwrap(), "--raw"]).success();
    assert!(raw_shown.stdout.contains(&first), "the raw message is kept");

    // An answer to it goes out, threaded, and its blind copy is blind.
    let sue = servers.account(&format!("sue.{test}")).address.as_str();
    let sent = scene.send([
        "--from",
        amy,
        "--to",
        ben,
        "--bcc",
        sue,
        "--subject",
        "Re: Ängste um Öl",
        "--body",
        "Ünser Öl",
        "--in-reply-to",
        received["id"].as_str().unwrap(),
        "--regarding",
        "eve@fabrikam.test",
    ]);
    assert_eq!(scene.email(&sent)["status"], "pending_send");
    scene.sync(amy);
    let sent = scene.email(&sent);
    assert_eq!(sent["status"], "sent", "{sent:#}");
    let message_id = sent["message_id"].as_str().unwrap();
    let inbox = servers.wait_for_inbox(ben, 3, SOON);
    let arrived =
        inbox.iter().find(|raw| header(raw, "Message-ID").is_some_and(|id| id == format!("<{message_id}>")));
    let arrived = arrived.unwrap_or_else(|| panic!("<{message_id}> did not arrive\n{}", servers.logs()));
    let head = unfolded(arrived);
    assert_eq!(header(arrived, "In-Reply-To"), Some(format!("<{first}>")), "{head}");
    assert!(header(arrived, "References").is_some_and(|all| all.contains(&format!("<{first}>"))), "{head}");
    assert!(header(arrived, "Bcc").is_none() && !head.contains(sue), "{head}");
    let blind = servers.wait_for_inbox(sue, 1, SOON);
    assert_eq!(header(&blind[0], "Message-ID"), header(arrived, "Message-ID"));
    assert!(header(&blind[0], "Bcc").is_none());
    assert_eq!(sent["correlation"]["method"], "in_reply_to", "{sent:#}");
    assert_eq!(sent["correlation"]["email_id"], received["id"]);
    assert_eq!(sent["bcc"][0]["address"], sue);

    // The copy that the other mailbox receives is the same email.
    scene.sync(ben);
    let same = scene.email_with(message_id);
    assert_eq!(same["id"], sent["id"]);
    let rows = scene.ledger(ben);
    let row = rows.iter().find(|row| row["message_id"] == message_id).expect("a ledger row");
    assert_eq!((&row["decision"], &row["email_id"]), (&"duplicate".into(), &sent["id"]), "{row:#}");

    // An answer from outside belongs to it, and is regarding the same.
    let answer = format!("answer.{test}@fabrikam.test");
    let raw = Mail::new("Eve Example <eve@fabrikam.test>", amy, "AW: Öl", &answer)
        .header("In-Reply-To", &format!("<{message_id}>"))
        .header("References", &format!("<{first}>\r\n <{message_id}>"))
        .raw();
    servers.send_from_outside("eve@fabrikam.test", amy, &raw);
    wait_until("the answer", SOON, || {
        scene.sync(amy);
        scene.ledger(amy).iter().any(|row| row["message_id"] == answer.as_str()).then_some(())
    });
    let answered = scene.email_with(&answer);
    assert_eq!(answered["correlation"]["method"], "in_reply_to", "{answered:#}");
    assert_eq!(answered["correlation"]["email_id"], sent["id"]);
    assert_eq!(answered["in_reply_to"], message_id);
    assert_eq!(sent["regarding"]["name"], "Eve Example", "{sent:#}");
    assert_eq!(answered["regarding"], sent["regarding"]);
}

#[test]
fn mail_flows_both_ways_over_pop3_with_tls() {
    mail_flows_both_ways("flow0", Retrieval::Pop3Tls);
}

#[test]
fn mail_flows_both_ways_over_pop3_with_starttls() {
    mail_flows_both_ways("flow1", Retrieval::Pop3StartTls);
}

#[test]
fn mail_flows_both_ways_over_imap_with_tls() {
    mail_flows_both_ways("flow2", Retrieval::ImapTls);
}

#[test]
fn mail_flows_both_ways_over_imap_with_starttls() {
    mail_flows_both_ways("flow3", Retrieval::ImapStartTls);
}

#[test]
fn a_mailbox_that_is_not_approved_is_not_touched() {
    let scene = Scene::new(&pair("untouched").map(Clone::clone));
    let [amy, ben] = pair("untouched").map(|account| account.address.as_str());
    let text = setup("untouched", Retrieval::ImapTls).replace("approved = true", "approved = false");
    let _ = scene.apply(&text).success();
    assert_eq!(scene.mailbox(amy)["approval"], "pending");
    let tested = scene.data.run(["--json", "mailbox", "test-enable", "--all"]);
    let tested = tested.json();
    let ladders = tested["ladders"].as_array().unwrap();
    for ladder in ladders.iter().filter(|ladder| ladder["workload"] != "act") {
        assert_ne!(ladder["status"], "success", "{ladder:#}");
        assert!(ladder["reason"].as_str().unwrap().contains("approv"), "{ladder:#}");
    }
    let _ = scene.data.run(["mailbox", "reject", ben]).success();
    assert_eq!(scene.mailbox(ben)["approval"], "rejected");
    for address in [amy, ben] {
        let refused = scene.data.run(["--json", "sync", address]);
        assert_ne!(refused.code, Some(0), "an unapproved mailbox was synchronized: {}", refused.stdout);
        assert!(refused.stdout.contains("approv"), "{}", refused.stdout);
    }
    let _ = scene.data.run(["run", "--for", "2s"]).success();
    let log = servers().log(Server::Dovecot);
    assert!(!log.contains("untouched@"), "Dovecot met an unapproved mailbox:\n{log}");
}

fn the_later_date_decides(kind: &str) {
    let at = |year: i32| Utc.with_ymd_and_hms(year, 6, 1, 12, 0, 0).unwrap();
    for (profile_date, mailbox_date) in [(2020, 2024), (2024, 2020)] {
        let practice = Practice::start(&["amy"]);
        for year in [2019, 2022, 2025] {
            let date = at(year).to_rfc2822();
            let raw = Mail::new("a@b.example", "amy@contoso.test", "dated", &format!("y{year}@b.example"))
                .header("Date", &date)
                .raw();
            let received = format!("Received: from out by in; {date}\r\n").into_bytes();
            practice.hub.deliver_at("amy@contoso.test", [received, raw].concat(), at(year)).unwrap();
        }
        let text = practice.setup("Practice", kind, &["amy"]);
        let text =
            text.replace("process_emails_from = 2000", &format!("process_emails_from = {profile_date}"));
        let text = text + &format!("process_emails_from = {mailbox_date}-01-01T00:00:00Z\n");
        let scene = practice.scene();
        let _ = scene.apply(&text).success();
        let _ = scene.data.run(["mailbox", "test-enable", "--all"]).success();
        let tested = practice.imap.commands().len();
        scene.sync("amy@contoso.test");
        let mut rows = scene.ledger("amy@contoso.test");
        rows.sort_by_key(|row| row["received_at"].as_str().unwrap_or_default().to_owned());
        let decisions: Vec<_> = rows.iter().map(|row| row["decision"].as_str().unwrap()).collect();
        assert_eq!(decisions, ["before_start", "before_start", "promoted"], "{rows:#?}");
        assert_eq!(scene.emails().len(), 1);
        assert_eq!(scene.email_with("y2025@b.example")["status"], "received");
        // Messages 1 and 2 are the old ones. POP3's list has no dates, so there a message tells its own.
        let imap = practice.imap.commands().split_off(tested);
        let fetches: Vec<_> =
            imap.iter().filter(|one| one.contains("BODY[]") || one.contains("BODY.PEEK[]")).collect();
        assert_eq!(fetches.is_empty(), kind != "imap_smtp", "{imap:?}");
        for command in fetches {
            let set =
                command.split_whitespace().skip_while(|word| !word.eq_ignore_ascii_case("FETCH")).nth(1);
            let first: u32 = set.unwrap().split([':', ',']).next().unwrap().parse().unwrap();
            assert!(first >= 3, "an old message was downloaded: {command}");
        }
    }
}

#[test]
fn the_later_of_both_dates_decides_over_imap_and_old_mail_is_not_downloaded() {
    the_later_date_decides("imap_smtp");
}

#[test]
fn the_later_of_both_dates_decides_over_pop3() {
    the_later_date_decides("pop3_smtp");
}

#[test]
fn a_refused_recipient_is_named_and_the_others_get_their_mail() {
    let scene = ready("part", Retrieval::Pop3StartTls);
    let [amy, ben] = pair("part").map(|account| account.address.as_str());
    let before = servers().inbox(ben).len();
    let id = scene.send([
        "--from",
        amy,
        "--to",
        ben,
        "nobody.at.all@contoso.test",
        "--subject",
        "To two",
        "--body",
        "x",
    ]);
    scene.sync(amy);
    let email = scene.email(&id);
    assert_eq!(email["status"], "sent", "{email:#}");
    servers().wait_for_inbox(ben, before + 1, SOON);
    let alert = scene.alert("some_recipients_refused");
    assert_eq!((&alert["scope"], &alert["object_id"]), (&"email".into(), &email["id"]), "{alert:#}");
    assert!(alert.to_string().contains("nobody.at.all@contoso.test"), "{alert:#}");
    assert!(!alert["remedy"].as_str().unwrap().is_empty());
    let to = email["to"].as_array().unwrap();
    let delivery =
        |address: &str| to.iter().find(|party| party["address"] == address).unwrap()["delivery"].clone();
    assert_eq!(
        (delivery(ben), delivery("nobody.at.all@contoso.test")),
        ("accepted".into(), "refused".into())
    );

    // Nobody left: it fails, and says so.
    let id = scene.send([
        "--from",
        amy,
        "--to",
        "nobody.at.all@contoso.test",
        "--subject",
        "To none",
        "--body",
        "x",
    ]);
    let _ = scene.data.run(["sync", amy]);
    assert_eq!(scene.email(&id)["status"], "failed");
    assert_eq!(scene.alert("recipients_refused")["object_id"], id.as_str());
}

#[test]
fn pop3_leaves_messages_on_the_server() {
    let scene = ready("keep", Retrieval::Pop3Tls);
    let [amy, _] = pair("keep").map(|account| account.address.as_str());
    servers().deliver(amy, &Mail::new("a@b.example", amy, "stays", "stays@b.example").raw());
    let before = servers().inbox(amy).len();
    scene.sync(amy);
    assert_eq!(scene.email_with("stays@b.example")["status"], "received");
    scene.sync(amy);
    assert_eq!(servers().inbox(amy).len(), before, "POP3 deleted a message that nobody asked to delete");
    assert_eq!(scene.ledger(amy).len(), 1, "a message that stays is seen once");
}

#[test]
fn a_queue_that_deletes_after_processing_deletes_what_is_recorded() {
    let [account, _] = pair("queue");
    let address = account.address.as_str();
    let text = servers().setup_for("Contoso", Retrieval::Pop3Tls, &[account]);
    let text = text.replace("[[user]]", "[[queue]]") + "delete_after_processing = true\n";
    let scene = Scene::ready(std::slice::from_ref(account), &text);
    for number in 0..5 {
        let id = format!("delete{number}@b.example");
        servers().deliver(address, &Mail::new("a@b.example", address, "goes", &id).raw());
    }
    wait_until("the server's copies to go", SOON, || {
        scene.sync(address);
        let left = servers().inbox(address);
        let left = left.iter().filter(|raw| header(raw, "Subject").is_some_and(|subject| subject == "goes"));
        (left.count() == 0).then_some(())
    });
    for number in 0..5 {
        let email = scene.email_with(&format!("delete{number}@b.example"));
        assert_eq!(email["body_text"].as_str().unwrap().trim(), "About goes.");
    }
}

#[test]
fn a_user_cannot_ask_for_deletion() {
    let account = pair("queue")[1];
    let scene = Scene::new(std::slice::from_ref(account));
    let text =
        servers().setup_for("Contoso", Retrieval::Pop3Tls, &[account]) + "delete_after_processing = true\n";
    let refused = scene.apply(&text).expect_code(1);
    assert!(refused.stderr.contains("queue"), "{}", refused.stderr);
}

#[test]
fn mail_for_later_waits_for_its_time() {
    let scene = ready("later", Retrieval::ImapTls);
    let [amy, ben] = pair("later").map(|account| account.address.as_str());
    // Whole seconds: what the command line is told.
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() + 6;
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let id =
        scene.send(["--from", amy, "--to", ben, "--subject", "Later", "--body", "x", "--at", &rfc3339(at)]);
    scene.sync(amy);
    assert_eq!(scene.email(&id)["status"], "pending_send");
    let arrived =
        || servers().inbox(ben).iter().any(|raw| header(raw, "Subject").is_some_and(|one| one == "Later"));
    assert!(!arrived());
    // The engine sends it by itself when its time has come, which is long before the mailbox's next turn.
    let running = scene.data.spawn(["run"]);
    wait_until("the later mail", SOON, || arrived().then_some(()));
    assert!(SystemTime::now() >= at, "it was sent too early");
    wait_until("its status", SOON, || (scene.email(&id)["status"] == "sent").then_some(()));
    let _ = running.terminate(SOON).success();
}

#[test]
fn a_mail_to_two_mailboxes_is_one_record_with_two_ledger_rows() {
    let scene = ready("twice", Retrieval::ImapStartTls);
    let [amy, ben] = pair("twice").map(|account| account.address.as_str());
    let raw = Mail::new("a@b.example", &format!("{amy}, {ben}"), "Both", "both@b.example").raw();
    servers().deliver(amy, &raw);
    servers().deliver(ben, &raw);
    scene.sync(amy);
    scene.sync(ben);
    let email = scene.email_with("both@b.example");
    let decisions = [amy, ben].map(|mailbox| {
        let rows = scene.ledger(mailbox);
        assert_eq!(rows.len(), 1, "{rows:#?}");
        assert_eq!(rows[0]["email_id"], email["id"]);
        rows[0]["decision"].clone()
    });
    assert_eq!(decisions, ["promoted", "duplicate"]);
}

fn new_identities_record_nothing_twice(test: &str, retrieval: Retrieval) {
    let scene = ready(test, retrieval);
    let [amy, _] = pair(test).map(|account| account.address.as_str());
    for number in 0..20 {
        let id = format!("m{number}.{test}@b.example");
        servers().deliver(amy, &Mail::new("a@b.example", amy, "numbered", &id).raw());
    }
    scene.sync(amy);
    let (emails, rows) = (scene.emails().len(), scene.ledger(amy));
    assert_eq!((emails, rows.len()), (20, 20));
    servers().forget_identities(amy);
    servers().deliver(amy, &Mail::new("a@b.example", amy, "after", &format!("after.{test}@b.example")).raw());
    wait_until("the mail after the change", SOON, || {
        let _ = scene.data.run(["sync", amy]);
        scene
            .ledger(amy)
            .iter()
            .any(|row| row["message_id"] == format!("after.{test}@b.example"))
            .then_some(())
    });
    assert_eq!(scene.emails().len(), 21, "a message was recorded twice");
    let again = scene.ledger(amy);
    assert_eq!(again.len(), 41, "one row for each identity that was ever seen");
    let duplicates = again.iter().filter(|row| row["decision"] == "duplicate").count();
    assert_eq!(duplicates, 20);
}

#[test]
fn a_new_uidvalidity_records_nothing_twice() {
    new_identities_record_nothing_twice("uids0", Retrieval::ImapTls);
}

#[test]
fn new_unique_ids_over_pop3_record_nothing_twice() {
    new_identities_record_nothing_twice("uids1", Retrieval::Pop3Tls);
}

#[test]
fn a_decision_is_explained_for_a_message_id_and_for_a_file() {
    let scene = ready("why", Retrieval::ImapTls);
    let [amy, ben] = pair("why").map(|account| account.address.as_str());
    servers().deliver(amy, &Mail::new("a@b.example", amy, "why", "why@b.example").raw());
    scene.sync(amy);
    for id in ["why@b.example", "<why@b.example>"] {
        let explained = scene.data.json(["explain", id]);
        let one = &explained[0];
        assert_eq!((&one["mailbox"], &one["decision"]), (&amy.into(), &"promoted".into()), "{explained:#}");
        assert_eq!(one["happened"], true);
        assert!(!one["trace"].as_array().unwrap().is_empty() && !one["summary"].as_str().unwrap().is_empty());
        assert!(!one["what_would_change_it"].as_str().unwrap().is_empty());
    }
    let rows = scene.ledger(amy).len();
    let known = scene.data.file("known.eml", Mail::new("a@b.example", ben, "why", "why@b.example").raw());
    let fresh = scene.data.file("fresh.eml", Mail::new("a@b.example", ben, "new", "fresh@b.example").raw());
    for (file, decision) in [(known, "duplicate"), (fresh, "promoted")] {
        let explained =
            scene.data.json(["explain".as_ref(), file.as_os_str(), "--mailbox".as_ref(), ben.as_ref()]);
        let one = &explained[0];
        assert_eq!((&one["happened"], &one["decision"]), (&false.into(), &decision.into()), "{explained:#}");
    }
    assert_eq!(scene.ledger(amy).len() + scene.ledger(ben).len(), rows, "explaining decides nothing");
    let unknown = scene.data.run(["--json", "explain", "never.seen@b.example"]).expect_code(1);
    assert!(unknown.stdout.contains("never.seen@b.example"), "{}", unknown.stdout);
}

#[test]
fn applying_an_export_changes_nothing() {
    let scene = ready("same", Retrieval::Pop3StartTls);
    let contacts = "[[contact]]\nname = \"Eve\"\nemail = \"eve@fabrikam.test\"\n[[account]]\nname = \"Fabrikam\"\n\
                    email = \"info@fabrikam.test\"\n[[lead]]\nname = \"Lea\"\nemail = \"lea@fabrikam.test\"\n";
    let _ = scene.apply(contacts).success();
    let export = scene.export();
    let file = scene.data.file("export.toml", &export);
    let applied = scene.data.json(["apply".as_ref(), file.as_os_str()]);
    for change in applied["changes"].as_array().unwrap() {
        assert_eq!(change["action"], "unchanged", "{change:#}");
    }
    assert_eq!(scene.export(), export);
    // A mailbox that was enabled stays enabled.
    let [amy, _] = pair("same").map(|account| account.address.as_str());
    assert_eq!(scene.mailbox(amy)["workloads"]["incoming"]["enabled"], true);
    // A dry run of a change tells it and does not make it.
    let changed = scene.data.file("changed.toml", export.replace("name = \"Eve\"", "name = \"Eva\""));
    let told = scene.data.json(["apply".as_ref(), changed.as_os_str(), "--dry-run".as_ref()]);
    assert_eq!(told["applied"], false);
    assert_eq!(scene.export(), export, "{told:#}");
}

#[test]
fn a_remap_tells_what_breaks_and_waits_for_a_yes() {
    let scene = ready("remap", Retrieval::ImapTls);
    let [amy, _] = pair("remap").map(|account| account.address.as_str());
    let _ = scene.apply("[[user]]\nname = \"Carl Contoso\"\nemail = \"carl@contoso.test\"\n").success();
    let (before, mailbox) = (scene.export(), scene.mailbox(amy));
    let asked = scene.data.json(["mailbox", "remap", amy, "--to", "Carl Contoso"]);
    assert_eq!(asked["done"], false);
    assert!(!asked["breaks"].as_array().unwrap().is_empty(), "{asked:#}");
    assert_eq!((scene.export(), scene.mailbox(amy)), (before, mailbox), "asking changed something");
    let moved = scene.data.json(["mailbox", "remap", amy, "--to", "Carl Contoso", "--yes"]);
    assert_eq!(moved["done"], true);
    assert_eq!(scene.mailbox(amy)["owner"]["name"], "Carl Contoso");
    let unknown =
        scene.data.run(["--json", "mailbox", "remap", amy, "--to", "Nobody", "--yes"]).expect_code(1);
    assert!(unknown.json()["message"].as_str().unwrap().contains("Nobody"), "{}", unknown.stdout);
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn rfc3339(at: SystemTime) -> String {
    DateTime::<Utc>::from(at).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
