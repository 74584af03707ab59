//! Fetches one large message in pieces into a temporary file, the next piece asked for before the last has arrived.

use super::{
    connection::{Connection, Content},
    failure::{self, Doing},
    fetch::{Target, unavailable},
    response::{Condition, Literal, Response},
};
use crate::spool::Spool;
use std::collections::VecDeque;
use tandem_domain::failure::Failure;
use tandem_engine::ports::mail::Fetched;

/// One piece.
const PIECE_BYTES: u64 = 1024 * 1024;
/// Pieces under way at once.
const PIECES_UNDER_WAY: usize = 2;

/// The connection cannot be used any more; what is known of the message all the same.
pub(super) struct Broken {
    pub fetched: Option<Fetched>,
    pub failure: Failure,
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self { fetched: None, failure }
    }
}

struct Piece {
    tag: u64,
    /// What came of it; `None` when the server sent none.
    length: Option<u64>,
}

/// Fetches it.
pub(super) async fn fetch(
    connection: &mut Connection,
    target: &Target,
    limit: u64,
) -> Result<Fetched, Broken> {
    let Some(uid) = target.uid else { return Ok(Fetched::Gone) };
    let mut spool = Spool::expecting(target.size);
    let mut under_way: VecDeque<Piece> = VecDeque::new();
    let mut asked = 0_u64;
    let mut is_whole = false;
    let mut is_gone = false;
    let mut refusal = None;
    loop {
        // The listed size is a hint (some servers estimate it): the message ends with a piece that is not full.
        let wanted = if asked < target.size { PIECES_UNDER_WAY } else { 1 };
        while !is_whole && !is_gone && under_way.len() < wanted {
            let command = format!("UID FETCH {uid} (UID BODY.PEEK[]<{asked}.{PIECE_BYTES}>)");
            under_way.push_back(Piece { tag: connection.queue(command.as_bytes()), length: None });
            asked += PIECE_BYTES;
        }
        if under_way.is_empty() {
            break;
        }
        if connection.wire.queued() > 0 {
            connection.wire.flush().await?;
        }
        match connection.next(&mut Content::Append { spool: &mut spool, limit }).await? {
            Response::Fetch(items) if items.body.is_some() => {
                let length = match items.body {
                    Some(Literal::Appended(length)) => length,
                    Some(Literal::Bytes(bytes)) => {
                        // A short end may come as a quoted string.
                        spool.buffer().extend_from_slice(&bytes);
                        spool.settle().await?;
                        bytes.len() as u64
                    }
                    Some(Literal::Refused(length)) => {
                        let what = format!("it sends more of a message than it listed ({length} bytes)");
                        let failure = connection.violation(&what);
                        return Err(Broken { fetched: Some(Fetched::TooLarge), failure });
                    }
                    _ => 0,
                };
                if items.uid != Some(uid) || length > PIECE_BYTES || (is_whole && length > 0) {
                    return Err(connection.violation("it sent another piece than the one asked for").into());
                }
                is_whole |= length < PIECE_BYTES;
                if let Some(piece) = under_way.front_mut() {
                    piece.length = Some(length);
                }
            }
            Response::Done { tag, status } => {
                let Some(piece) = under_way.pop_front().filter(|piece| piece.tag == tag) else {
                    return Err(connection.violation("it ended its answers in another order").into());
                };
                if status.condition == Condition::Bad {
                    return Err(failure::refused(connection.host(), Doing::Working, &status).into());
                }
                // NO: the server cannot read it; OK without a piece: it was removed meanwhile.
                if piece.length.is_none() && !is_whole {
                    is_gone = true;
                    if status.condition == Condition::No {
                        refusal = Some(failure::refused(connection.host(), Doing::Working, &status));
                    }
                }
            }
            _ => {}
        }
    }
    if is_gone {
        return Ok(refusal.as_ref().map_or(Fetched::Gone, unavailable));
    }
    Ok(target.message(spool.finish().await?))
}
