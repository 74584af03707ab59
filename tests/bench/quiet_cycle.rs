//! What a cycle of incoming mail that finds nothing says to Dovecot: round trips and bytes, counted beneath TLS by leaving
//! TLS out, by a proxy on the way.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
};
use tandem_tests::{Mail, MailOptions, MailServers, Retrieval, TandemData};

const MESSAGES: usize = 50;
const CYCLES: usize = 5;

/// Who spoke, and how many bytes, in turns.
type Talk = Arc<Mutex<Vec<(Side, usize)>>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// Synchronizes an inbox of 50 messages, and then counts cycles in which nothing is new.
pub fn run() {
    let servers = MailServers::start_with(&MailOptions::with_accounts(["amy"]));
    let talk = Talk::default();
    let port = count(servers.ports.imap, &talk);
    let data = TandemData::new().with_passwords(&servers.accounts);
    let setup = servers.setup("Bench", Retrieval::ImapStartTls);
    let through = format!("port = {port}\n  security = \"none\"");
    let setup = setup.replace(&format!("port = {}\n  security = \"starttls\"", servers.ports.imap), &through);
    assert!(setup.contains(&through), "the proxy is in between");
    let setup = format!("[settings]\nallow_plain_connections = true\npush = false\n\n{setup}");
    let file = data.file("setup.toml", setup);
    let _ = data.run(["apply".as_ref(), file.as_os_str()]).success();
    let _ = data.run(["mailbox", "test-enable", "--all"]).success();
    for number in 0..MESSAGES {
        let id = format!("quiet-{number}@fabrikam.test");
        servers.deliver("amy", &Mail::new("eve@fabrikam.test", "amy@contoso.test", "Hello", &id).raw());
    }
    let address = &servers.account("amy").address;
    let sync = || drop(data.run(["sync", address.as_str(), "--workload", "incoming"]).success());
    sync();
    for _ in 0..CYCLES {
        talk.lock().expect("the talk").clear();
        sync();
        // LOGOUT is not waited for; the count is to hold its answer too.
        std::thread::sleep(std::time::Duration::from_millis(200));
        let said = talk.lock().expect("the talk");
        let trips =
            said.windows(2).filter(|two| two[0].0 == Side::Server && two[1].0 == Side::Client).count();
        let bytes: usize = said.iter().map(|(_, bytes)| bytes).sum();
        println!("a cycle that finds nothing: {trips} round trips, {bytes} B (target: 5 and 2,048 B)");
    }
}

/// A proxy in front of a port of this machine; gives its own.
fn count(target: u16, talk: &Talk) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let talk = Arc::clone(talk);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).expect("the server");
            let (from_client, to_server) = (client.try_clone(), server.try_clone());
            carry(from_client.expect("the client"), to_server.expect("the server"), Side::Client, &talk);
            carry(server, client, Side::Server, &talk);
        }
    });
    port
}

fn carry(mut from: TcpStream, mut to: TcpStream, side: Side, talk: &Talk) {
    let talk = Arc::clone(talk);
    std::thread::spawn(move || {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            note(&mut talk.lock().expect("the talk"), side, length);
            if to.write_all(&bytes[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
}

fn note(talk: &mut Vec<(Side, usize)>, side: Side, length: usize) {
    match talk.last_mut() {
        Some((last, bytes)) if *last == side => *bytes += length,
        _ => talk.push((side, length)),
    }
}
