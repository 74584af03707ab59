//! The latency proxy: late, complete, in order, fast.

use std::time::{Duration, Instant};

use tandem_practice::{LatencyProxy, Pop3Server, ServerOptions};

use crate::client::{AMY, Client, PASSWORD, hub, in_time, plain};

#[tokio::test]
async fn each_answer_takes_a_round_trip_and_pipelining_saves_them() {
    let hub = hub();
    let server = Pop3Server::start(hub, ServerOptions::default()).await.expect("started");
    let proxy = LatencyProxy::start(server.address(), Duration::from_millis(50)).await.expect("started");
    let mut client = Client::connect(proxy.address()).await;
    client.line().await;
    client.ask(&format!("AUTH PLAIN {}", plain(AMY, PASSWORD))).await;
    let start = Instant::now();
    for _ in 0..4 {
        client.ask("NOOP").await;
    }
    let one_by_one = start.elapsed();
    assert!(one_by_one >= Duration::from_millis(200), "{one_by_one:?}");
    let start = Instant::now();
    client.send("NOOP\r\n".repeat(100)).await;
    for _ in 0..100 {
        assert_eq!(client.line().await, "+OK");
    }
    let pipelined = start.elapsed();
    assert!(pipelined >= Duration::from_millis(50) && pipelined < one_by_one, "{pipelined:?}");
}

#[tokio::test]
async fn bandwidth_is_not_limited_and_order_is_kept() {
    let hub = hub();
    let body: Vec<u8> = (0..400_000_u32)
        .flat_map(|line| format!("line {line} of the large message\r\n").into_bytes())
        .collect();
    hub.deliver(AMY, [b"Subject: large\r\n\r\n".to_vec(), body.clone()].concat()).expect("known");
    let server = Pop3Server::start(hub, ServerOptions::default()).await.expect("started");
    let proxy = LatencyProxy::start(server.address(), Duration::from_millis(50)).await.expect("started");
    let mut client = Client::connect(proxy.address()).await;
    client.line().await;
    client.ask(&format!("AUTH PLAIN {}", plain(AMY, PASSWORD))).await;
    let start = Instant::now();
    client.send("RETR 1\r\nQUIT\r\n").await;
    let all = client.rest().await;
    let took = start.elapsed();
    println!("{} bytes in {took:?}", all.len());
    assert!(memchr::memmem::find(&all, &body).is_some());
    in_time(proxy.stop()).await;
}
