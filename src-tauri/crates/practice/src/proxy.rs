//! A TCP proxy that adds distance: every byte arrives later, none slower, all in order.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::listener::StartError;

const CHUNK: usize = 64 * 1024;
const CHUNKS_UNDER_WAY: usize = 1024;

/// A proxy on loopback in front of any TCP server, with a round-trip time like that of a distant one.
pub struct LatencyProxy {
    address: SocketAddr,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

impl LatencyProxy {
    /// Listens on a free port and forwards each connection to `target`; each direction takes half of `round_trip`. A
    /// connection to the proxy itself is accepted at once, so TCP's handshake is added as one more round trip before the
    /// first byte is forwarded.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(target: SocketAddr, round_trip: Duration) -> Result<Self, StartError> {
        let failed = |source| StartError::Listen { port: 0, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stopping, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (stop_accepting, connections) = (stopping.clone(), tasks.clone());
        tasks.spawn(async move {
            let accepting = accept(listener, target, round_trip, &stop_accepting, &connections);
            stop_accepting.run_until_cancelled(accepting).await;
        });
        Ok(Self { address, stopping, tasks })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port clients connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Ends the listener and every connection, and waits until they are gone.
    pub async fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for LatencyProxy {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

async fn accept(
    listener: TcpListener,
    target: SocketAddr,
    round_trip: Duration,
    stopping: &CancellationToken,
    tasks: &TaskTracker,
) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let stopping = stopping.clone();
        tasks.spawn(async move { stopping.run_until_cancelled(forward(client, target, round_trip)).await });
    }
}

async fn forward(client: TcpStream, target: SocketAddr, round_trip: Duration) -> io::Result<()> {
    // The handshake that a distant server would have cost.
    tokio::time::sleep(round_trip).await;
    let server = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let one_way = round_trip / 2;
    let (up, down) =
        tokio::join!(carry(from_client, to_server, one_way), carry(from_server, to_client, one_way));
    up.and(down)
}

/// Carries one direction: a reader stamps what arrives, a writer lets it out when its time has come.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) -> io::Result<()> {
    let (stamped, mut due) = mpsc::channel::<(Instant, BytesMut)>(CHUNKS_UNDER_WAY);
    let reading = async move {
        loop {
            let mut chunk = BytesMut::with_capacity(CHUNK);
            let count = from.read_buf(&mut chunk).await.unwrap_or(0);
            if count == 0 || stamped.send((Instant::now() + delay, chunk)).await.is_err() {
                // The end travels as long as the bytes did.
                tokio::time::sleep(delay).await;
                return;
            }
        }
    };
    let writing = async move {
        while let Some((at, chunk)) = due.recv().await {
            tokio::time::sleep_until(at).await;
            to.write_all(&chunk).await?;
        }
        to.shutdown().await
    };
    let ((), written) = tokio::join!(reading, writing);
    written
}
