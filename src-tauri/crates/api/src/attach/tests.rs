//! The socket with both its sides, over a real data folder.

use super::{
    Attached, Program, Role,
    frame::{Asked, LONGEST_REQUEST, Told, bytes, codec},
    holder::{Holder, VERSION},
};
use crate::{OpenOptions, RunFor, SecretsChoice, Tandem, wire::EventView};
use futures::{SinkExt, StreamExt};
use serde_json::json;
use std::{path::Path, sync::Arc, time::Duration};
use tandem_store::DataFolderLock;
use tokio::{sync::broadcast::Receiver, time::timeout};
use tokio_util::{
    bytes::{BufMut, BytesMut},
    codec::{FramedRead, FramedWrite},
    sync::CancellationToken,
};

const LIMIT: Duration = Duration::from_secs(20);

const PROFILE: &str = "[[profile]]\nname = \"Contoso\"\nserver_type = \"imap_smtp\"\nauthenticate_using = \"anonymous\"\n\
    [profile.incoming]\nserver = \"mail.contoso.test\"\nport = 993\nsecurity = \"tls\"\n\
    [profile.outgoing]\nserver = \"mail.contoso.test\"\nport = 587\nsecurity = \"starttls\"\n";

fn options(folder: &Path) -> OpenOptions {
    OpenOptions { data: Some(folder.to_path_buf()), secrets: SecretsChoice::Memory }
}

async fn engine(folder: &Path) -> Arc<Tandem> {
    let tandem = Tandem::open(options(folder)).await.unwrap();
    tandem.start_engine().await.unwrap();
    tandem
}

async fn attach(folder: &Path) -> Attached {
    Attached::find(folder).await.unwrap().expect("an engine to attach to")
}

async fn until(events: &mut Receiver<EventView>, wanted: impl Fn(&EventView) -> bool) {
    let heard = timeout(LIMIT, async { while !wanted(&events.recv().await.unwrap()) {} });
    heard.await.expect("the event comes");
}

fn apply() -> serde_json::Value {
    json!({ "text": PROFILE, "file": null, "dry_run": false })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attached_shell_calls_every_action_and_hears_what_happens() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Attached::find(folder.path()).await.unwrap().is_none(), "nobody runs there yet");
    let tandem = engine(folder.path()).await;
    let shell = attach(folder.path()).await;
    let mut events = shell.events();

    let applied = shell.call("apply", apply()).await.unwrap();
    assert_eq!(applied["applied"], json!(true));
    until(&mut events, |event| matches!(event, EventView::Changed { kind } if kind == "configuration")).await;
    assert_eq!(tandem.profiles(crate::wire::Nothing {}).await.unwrap().len(), 1);

    let refused = shell.call("mailbox", json!({ "address": "nobody@contoso.test" })).await.unwrap_err();
    assert_eq!(refused.code, "not_found");
    assert_eq!(shell.call("no_such_action", json!({})).await.unwrap_err().code, "unknown_action");
    let home = shell.call("home", json!({})).await.unwrap();
    assert_eq!(home["engine"]["place"], json!("window"));
    assert_eq!(home["engine"]["process"], json!(std::process::id()));
    tandem.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_at_once_get_each_its_own_answer() {
    let folder = tempfile::tempdir().unwrap();
    let tandem = engine(folder.path()).await;
    let shell = attach(folder.path()).await;
    let calls = (0..200).map(|number| {
        let shell = &shell;
        async move {
            let address = format!("nobody{number}@contoso.test");
            let error = shell.call("mailbox", json!({ "address": address })).await.unwrap_err();
            assert_eq!(error.object, address);
        }
    });
    timeout(LIMIT, futures::future::join_all(calls)).await.unwrap();
    tandem.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_is_told_when_the_engine_stops_and_a_call_then_fails_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let tandem = engine(folder.path()).await;
    let shell = attach(folder.path()).await;
    tandem.close().await;
    timeout(LIMIT, shell.closed()).await.expect("the shell is told");
    assert_eq!(shell.call("home", json!({})).await.unwrap_err().code, "engine_gone");
    assert!(!DataFolderLock::is_held(folder.path()));
    assert!(Holder::last(folder.path()).is_none(), "no note is left");
    assert!(Attached::find(folder.path()).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_know_the_token_or_has_another_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let tandem = engine(folder.path()).await;
    let holder = Holder::now(folder.path()).unwrap();
    let greet = async |version: &str, token: &str| {
        let stream = super::endpoint::connect(holder.endpoint.as_ref().unwrap()).await.unwrap();
        let (receiving, sending) = tokio::io::split(stream);
        let mut sending = FramedWrite::new(sending, codec(LONGEST_REQUEST));
        let mut receiving = FramedRead::new(receiving, codec(LONGEST_REQUEST));
        let hello = Asked::Hello { version: version.to_owned(), token: token.to_owned() };
        sending.send(bytes(&hello).unwrap()).await.unwrap();
        let told = timeout(LIMIT, receiving.next()).await.unwrap().unwrap().unwrap();
        serde_json::from_slice::<Told>(&told).unwrap()
    };
    let code = |told: Told| match told {
        Told::Refused { error } => error.code,
        other => panic!("{other:?}"),
    };
    let wrong = holder.token.replace(|c: char| c.is_ascii_digit(), "f");
    assert_eq!(code(greet(VERSION, &wrong).await), "not_allowed");
    assert_eq!(code(greet(VERSION, "").await), "not_allowed");
    assert_eq!(code(greet("99.0.0", &holder.token).await), "other_version");
    assert!(matches!(greet(VERSION, &holder.token).await, Told::Welcome));
    tandem.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_of_another_version_does_not_touch_the_data_below_a_running_engine() {
    let folder = tempfile::tempdir().unwrap();
    let _lock = DataFolderLock::acquire(folder.path()).unwrap();
    let mut holder = Holder::this_process(Role::Service, "memory", None);
    holder.version = "0.0.9".to_owned();
    let _file = super::HolderFile::write(folder.path(), &holder).unwrap();
    let error = Program::open_or_attach(options(folder.path())).await.unwrap_err();
    assert_eq!(error.code, "other_version");
    assert!(error.message.contains("0.0.9"), "{error:?}");
    assert!(!folder.path().join(tandem_store::DATABASE_FILE).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_is_too_long_ends_its_own_connection_only() {
    let folder = tempfile::tempdir().unwrap();
    let tandem = engine(folder.path()).await;
    let other = attach(folder.path()).await;
    let holder = Holder::now(folder.path()).unwrap();
    let stream = super::endpoint::connect(holder.endpoint.as_ref().unwrap()).await.unwrap();
    let (receiving, mut sending) = tokio::io::split(stream);
    let mut greeting = BytesMut::new();
    let hello = bytes(&Asked::Hello { version: VERSION.into(), token: holder.token.clone() }).unwrap();
    greeting.put_u32(u32::try_from(hello.len()).unwrap());
    greeting.extend_from_slice(&hello);
    greeting.put_u32(u32::MAX);
    tokio::io::AsyncWriteExt::write_all(&mut sending, &greeting).await.unwrap();
    let receiving = FramedRead::new(receiving, codec(LONGEST_REQUEST));
    let frames: Vec<BytesMut> =
        timeout(LIMIT, receiving.filter_map(async |frame| frame.ok()).collect()).await.unwrap();
    assert!(matches!(serde_json::from_slice(&frames[0]).unwrap(), Told::Welcome));
    other.call("home", json!({})).await.unwrap();
    let long = "x".repeat(LONGEST_REQUEST);
    assert_eq!(other.call("apply", json!({ "text": long })).await.unwrap_err().code, "request_too_long");
    other.call("home", json!({})).await.unwrap();
    tandem.close().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_socket_and_the_note_are_for_their_user_only_also_where_the_path_is_long() {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    let home = tempfile::tempdir().unwrap();
    for name in ["short".to_owned(), "long".repeat(40)] {
        let folder = home.path().join(name);
        let tandem = engine(&folder).await;
        let holder = Holder::now(&folder).unwrap();
        let socket = std::fs::metadata(holder.endpoint.as_ref().unwrap()).unwrap();
        assert!(socket.file_type().is_socket());
        assert_eq!(socket.permissions().mode() & 0o777, 0o600);
        let note = std::fs::metadata(folder.join("engine.json")).unwrap();
        assert_eq!(note.permissions().mode() & 0o777, 0o600);
        attach(&folder).await.call("home", json!({})).await.unwrap();
        assert!(!format!("{holder:?}").contains(&holder.token));
        tandem.close().await;
        assert!(!holder.endpoint.unwrap().exists(), "nothing is left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_engine_is_refused_by_the_name_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let first = engine(folder.path()).await;
    let second = Tandem::open(options(folder.path())).await.unwrap();
    let error = second.run(RunFor::UntilIdle, &CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.code, "engine_runs_elsewhere");
    let process = format!("in a window (process {}, since ", std::process::id());
    assert!(error.message.contains(&process), "{error:?}");
    assert!(error.remedy.contains("quit Tandem in its window"), "{error:?}");
    first.close().await;
    second.run(RunFor::UntilIdle, &CancellationToken::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_for_somebody_who_holds_the_engine_for_a_moment() {
    let folder = tempfile::tempdir().unwrap();
    let tandem = Tandem::open(options(folder.path())).await.unwrap();
    let held = tandem.hold(Role::Sync, Duration::ZERO).await.unwrap();
    let waiting = tokio::spawn({
        let tandem = Tandem::open(options(folder.path())).await.unwrap();
        async move { tandem.run(RunFor::UntilIdle, &CancellationToken::new()).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!waiting.is_finished(), "it waits");
    tandem.let_go(held).await;
    timeout(LIMIT, waiting).await.unwrap().unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_keeps_nobody_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let mut left = Holder::this_process(Role::Service, "memory", Some(folder.path().join("engine.sock")));
    left.pid = 1;
    std::mem::forget(super::HolderFile::write(folder.path(), &left).unwrap());
    #[cfg(unix)]
    drop(std::os::unix::net::UnixListener::bind(folder.path().join("engine.sock")).unwrap());
    assert!(Holder::now(folder.path()).is_none(), "the lock is free, so nobody holds the engine");
    let tandem = engine(folder.path()).await;
    attach(folder.path()).await.call("home", json!({})).await.unwrap();
    assert_eq!(tandem.engine_view().await.process, Some(std::process::id()));
    tandem.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn home_says_at_once_that_no_engine_runs() {
    let folder = tempfile::tempdir().unwrap();
    let tandem = Tandem::open(options(folder.path())).await.unwrap();
    let text = format!(
        "{PROFILE}[[user]]\nname = \"Amy\"\nemail = \"amy@contoso.test\"\n[[mailbox]]\nemail = \"amy@contoso.test\"\n\
         owner = \"user:Amy\"\nprofile = \"Contoso\"\nincoming = \"server_side_sync\"\n"
    );
    let request = crate::wire::ApplyRequest { text, file: None, dry_run: false };
    assert!(tandem.apply(request).await.unwrap().applied);
    let nothing = crate::wire::Nothing {};
    let home = tandem.home(nothing).await.unwrap();
    assert_eq!((home.status.as_str(), home.engine.place.as_str()), ("stopped", "none"));
    assert!(home.headline.contains("engine is not running"), "{}", home.headline);
    tandem.start_engine().await.unwrap();
    let home = tandem.home(nothing).await.unwrap();
    assert_eq!((home.engine_running, home.engine.place.as_str()), (true, "window"));
    assert!(!home.headline.contains("not running"), "{}", home.headline);
    tandem.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_attaches_says_so_when_the_service_stops_and_takes_over() {
    let folder = tempfile::tempdir().unwrap();
    let service = Tandem::open(options(folder.path())).await.unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (service, stop) = (Arc::clone(&service), stop.clone());
        async move { service.run_as(Role::Service, RunFor::UntilStopped, &stop).await }
    });
    timeout(LIMIT, async {
        while Holder::now(folder.path()).is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();

    let window = Program::open_or_attach(options(folder.path())).await.unwrap();
    let mut events = window.subscribe();
    assert_eq!(window.engine_problem(), None);
    let place = async || window.call("home", json!({})).await.unwrap()["engine"]["place"].clone();
    assert_eq!(place().await, json!("service"));
    window.call("apply", apply()).await.unwrap();
    until(&mut events, |event| matches!(event, EventView::Changed { kind } if kind == "configuration")).await;

    stop.cancel();
    running.await.unwrap().unwrap();
    until(&mut events, |event| matches!(event, EventView::Engine { running: false })).await;
    timeout(LIMIT, async {
        while window.engine_problem().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(window.engine_problem().unwrap().code, "engine_stopped_elsewhere");
    // What is there can be read all the same.
    assert_eq!(window.call("profiles", json!({})).await.unwrap().as_array().unwrap().len(), 1);
    assert_eq!(place().await, json!("none"));

    assert_eq!(window.try_again().await, None, "the person need not wait");
    assert_eq!(place().await, json!("window"));
    window.close().await;
    assert!(!DataFolderLock::is_held(folder.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_a_window_leaves_the_service_running() {
    let folder = tempfile::tempdir().unwrap();
    let service = engine(folder.path()).await;
    let window = Program::open_or_attach(options(folder.path())).await.unwrap();
    window.call("home", json!({})).await.unwrap();
    window.close().await;
    assert!(service.engine_view().await.running);
    attach(folder.path()).await.call("home", json!({})).await.unwrap();
    service.close().await;
}
