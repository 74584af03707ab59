//! POP3 with a date limit: what is too old costs its header, counted in bytes.

use super::{
    Kept, access, bytes as content,
    counting::{Counting, Side, bytes},
    servers,
};
use chrono::{DateTime, Utc};
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use tandem_domain::profile::{Security, ServerType};
use tandem_engine::ports::mail::{Fetched, IncomingMail};
use tandem_mail::{
    net::{Connector, Timeouts},
    pop3::Pop3,
};

fn pop3() -> Pop3 {
    Pop3::new(Arc::new(Connector::new(Timeouts::default())))
}

fn at(year: u32) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(&format!("{year}-01-01T00:00:00Z")).unwrap().to_utc()
}

/// A message with a usual header of about 600 bytes.
fn message(number: usize, year: u32, size: usize) -> Vec<u8> {
    let mut text = format!(
        "Return-Path: <x@y.test>\r\nReceived: from mx.y.test (mx.y.test [192.0.2.1])\r\n\tby mail.contoso.test with ESMTPS \
         id {number};\r\n\tMon, 15 Jun {year} 10:00:00 +0000\r\nFrom: x@y.test\r\nTo: amy@contoso.test\r\nSubject: \
         {number}\r\nMessage-ID: <{number}@y.test>\r\nX-Padding: {}\r\nDate: Mon, 15 Jun {year} 09:59:00 +0000\r\n\r\n",
        "x".repeat(250)
    )
    .into_bytes();
    while text.len() < size {
        text.extend_from_slice(b"a line of text of a usual length, as people write them in mail\r\n");
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_old_costs_its_header() {
    let servers = servers();
    let old = |number: usize| !number.is_multiple_of(4);
    for number in 0..40 {
        let raw = message(number, if old(number) { 2019 } else { 2024 }, 50_000);
        // In the order of the numbers, whatever their dates.
        let order = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + number as u64);
        servers.deliver_received_at("amy", &raw, order);
    }
    let counting = Counting::start(servers.ports.pop3s, &servers.certificates.ca_pem).await;
    let mut access = access(&servers, Security::None);
    access.server_type = ServerType::Pop3Smtp;
    access.endpoint.server = "127.0.0.1".into();
    access.endpoint.port = counting.address.port();
    access.allow_plain = true;
    access.process_emails_from = Some(at(2020));
    let mut session = pop3().open(&access).await.unwrap();
    let items = session.changes(None).await.unwrap().items;
    let mut kept = Kept::default();
    session.fetch(&items, &mut kept).await.unwrap();
    session.close().await.unwrap();
    assert_eq!(kept.0.len(), 40);
    let mut too_old = 0;
    for (_, fetched) in &kept.0 {
        match fetched {
            Fetched::TooOld { received_at, .. } => {
                assert!(*received_at < at(2020));
                too_old += 1;
            }
            Fetched::Message { raw, .. } => {
                let text = String::from_utf8(content(raw)).unwrap();
                assert!(text.contains("Jun 2024") && text.len() >= 50_000);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(too_old, 30);
    let received = bytes(&counting.take(), Some(Side::Server));
    println!("{received} bytes for 10 messages of 50,000 and 40 headers");
    assert!((500_000..560_000).contains(&received), "{received}");
}

/// `cargo test --release -p tandem-mail --test dovecot measure_headers -- --ignored --nocapture`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: 3,000 messages of 3.7 KB and 2,000 of 44 KB"]
async fn measure_headers_first() {
    for (count, size) in [(3_000, 3_700), (2_000, 44_000)] {
        let servers = servers();
        for number in 0..count {
            servers.deliver("amy", &message(number, 2024, size));
        }
        let mut access = access(&servers, Security::Tls);
        access.server_type = ServerType::Pop3Smtp;
        access.endpoint.port = servers.ports.pop3s;
        for from in [None, Some(at(2020)), None, Some(at(2020)), None, Some(at(2020))] {
            access.process_emails_from = from;
            let mut session = pop3().open(&access).await.unwrap();
            let items = session.changes(None).await.unwrap().items;
            let started = Instant::now();
            for page in items.chunks(1_000) {
                session.fetch(page, &mut Kept::default()).await.unwrap();
            }
            println!("{count} of {size}, headers first: {}: {:?}", from.is_some(), started.elapsed());
            session.close().await.unwrap();
        }
    }
}
