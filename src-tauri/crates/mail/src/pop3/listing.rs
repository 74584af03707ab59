//! Makes a list of messages out of UIDL and LIST answers: an identity for each, whatever the server gives as UIDL.

use super::{
    connection::{Connection, Refusal},
    failure::{self, Stage},
};
use crate::net::{Wire, failure as net};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use tandem_domain::{failure::Failure, ledger::ServerIdentity};

/// More messages than this in one inbox is taken for an answer that does not end.
const MAX_MESSAGES: usize = 2_000_000;
/// RFC 1939 allows 70 characters; some servers give more. Longer ones than this are kept as their hash.
const MAX_IDENTITY_BYTES: usize = 255;
/// Headers beyond this are taken for an answer that does not end.
pub(super) const MAX_HEADER_BYTES: usize = 16 * 1024 * 1024;

/// One message as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) number: u32,
    pub(super) identity: ServerIdentity,
    /// 0 when the server does not tell.
    pub(super) size: u64,
    /// The server gave the same UIDL to several messages.
    pub(super) ambiguous: bool,
}

/// Lists the inbox, in the order of the message numbers: the oldest first.
pub(super) async fn list(connection: &mut Connection) -> Result<Vec<Listed>, Failure> {
    let pipelined = connection.capabilities.pipelining;
    if pipelined {
        connection.wire.send(b"UIDL\r\nLIST\r\n").await?;
    } else {
        connection.wire.send(b"UIDL\r\n").await?;
    }
    let uidl = connection.reply().await?;
    let uids = match uidl {
        Ok(_) => numbered_lines(&mut connection.wire, unique_id).await?,
        Err(refusal) => return Err(without_uidl(connection, &refusal)),
    };
    if !pipelined {
        connection.wire.send(b"LIST\r\n").await?;
    }
    let sizes: HashMap<u32, u64> = match connection.reply().await? {
        Ok(_) => numbered_lines(&mut connection.wire, size).await?.into_iter().collect(),
        // Sizes are only needed to leave out what is too large, and that is noticed while fetching too.
        Err(refusal) => {
            tracing::warn!("{}: LIST was refused: {}", connection.wire.host(), refusal.shown());
            HashMap::new()
        }
    };
    let mut listed = identify(connection, uids).await?;
    for message in &mut listed {
        message.size = sizes.get(&message.number).copied().unwrap_or_default();
    }
    Ok(listed)
}

fn without_uidl(connection: &Connection, refusal: &Refusal) -> Failure {
    // Servers without CAPA, or whose CAPA says UIDL, may have a passing reason, which they can only give by code.
    if refusal.code.is_none() && !connection.capabilities.uidl {
        return failure::no_uidl(connection.wire.host(), &refusal.shown());
    }
    failure::refused(Stage::Working, refusal, &connection.capabilities)
}

/// Reads the lines `number rest` of a multi-line answer.
async fn numbered_lines<T>(wire: &mut Wire, value: impl Fn(&[u8]) -> T) -> Result<Vec<(u32, T)>, Failure> {
    let mut lines = Vec::new();
    loop {
        let line = wire.line().await?;
        if line == b"." {
            return Ok(lines);
        }
        match numbered(line) {
            Some((number, rest)) => lines.push((number, value(rest))),
            None => {
                let said =
                    format!("a line of its list has no message number: {}", String::from_utf8_lossy(line));
                return Err(net::violation(wire.host(), &said));
            }
        }
        if lines.len() > MAX_MESSAGES {
            return Err(net::violation(wire.host(), "its list of messages does not end"));
        }
    }
}

fn numbered(line: &[u8]) -> Option<(u32, &[u8])> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(line.get(..digits)?).ok()?.parse().ok().filter(|number| *number > 0)?;
    Some((number, line.get(digits..)?.trim_ascii()))
}

/// A size that cannot be read, or is beyond 64 bits, is not known; the limit is watched while fetching.
fn size(rest: &[u8]) -> u64 {
    let word = rest.split(|byte| *byte == b' ').next().unwrap_or_default();
    std::str::from_utf8(word).ok().and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

/// The UIDL as identity; `None` for an empty one. A blank never occurs in a UIDL, so that what we make up holds one.
fn unique_id(rest: &[u8]) -> Option<String> {
    if rest.is_empty() {
        return None;
    }
    match std::str::from_utf8(rest) {
        Ok(text) if text.len() <= MAX_IDENTITY_BYTES && !text.chars().any(char::is_control) => {
            Some(text.to_owned())
        }
        _ => Some(hashed(rest)),
    }
}

fn hashed(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let hex: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256 {}", hex.concat())
}

async fn identify(
    connection: &mut Connection,
    mut uids: Vec<(u32, Option<String>)>,
) -> Result<Vec<Listed>, Failure> {
    uids.sort_by_key(|(number, _)| *number);
    uids.dedup_by_key(|(number, _)| *number);
    let mut listed = Vec::with_capacity(uids.len());
    for (number, uid) in uids {
        let identity = match uid {
            Some(uid) => uid,
            None => match by_headers(connection, number).await? {
                Some(identity) => identity,
                None => return Err(failure::no_uidl(connection.wire.host(), "it gives an empty UIDL")),
            },
        };
        listed.push(Listed { number, identity: ServerIdentity(identity), size: 0, ambiguous: false });
    }
    tell_apart(&mut listed);
    Ok(listed)
}

/// A message without a UIDL is known by the hash of its headers, which TOP gives without marking it as read.
async fn by_headers(connection: &mut Connection, number: u32) -> Result<Option<String>, Failure> {
    if connection.command(&format!("TOP {number} 0")).await?.is_err() {
        return Ok(None);
    }
    let mut hash = Sha256::new();
    let mut bytes = 0;
    loop {
        let line = connection.wire.line().await?;
        if line == b"." {
            return Ok(Some(hashed(&hash.finalize())));
        }
        bytes += line.len() + 1;
        if bytes > MAX_HEADER_BYTES {
            return Err(net::violation(connection.wire.host(), "the headers of a message do not end"));
        }
        hash.update(line);
        hash.update(b"\n");
    }
}

/// RFC 1939 section 7 lets a server give equal UIDLs to equal messages, and broken ones give them to different
/// messages. The second gets ` 2` behind its UIDL, and so on: none is lost, and when the first goes away the second
/// takes its place, which is known. Such messages are never deleted, because the wrong one might be.
fn tell_apart(listed: &mut [Listed]) {
    let mut seen: HashMap<String, u32> = HashMap::with_capacity(listed.len());
    let mut repeated = HashSet::new();
    for message in listed.iter_mut() {
        let times = seen.entry(message.identity.0.clone()).or_default();
        *times += 1;
        if *times > 1 {
            repeated.insert(message.identity.0.clone());
            message.identity.0.push_str(&format!(" {times}"));
            message.ambiguous = true;
        }
    }
    for message in listed {
        message.ambiguous |= repeated.contains(&message.identity.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_uidls_are_told_apart_and_none_is_lost() {
        let mut listed: Vec<Listed> = [(1, "a"), (2, "b"), (3, "a"), (4, "a")]
            .map(|(number, uid)| Listed {
                number,
                identity: ServerIdentity(uid.into()),
                size: 0,
                ambiguous: false,
            })
            .to_vec();
        tell_apart(&mut listed);
        let got: Vec<_> = listed.iter().map(|m| (m.identity.0.as_str(), m.ambiguous)).collect();
        assert_eq!(got, [("a", true), ("b", false), ("a 2", true), ("a 3", true)]);
    }

    #[test]
    fn lines_of_a_list_are_read_leniently_but_never_wrongly() {
        assert_eq!(numbered(b"12 abc "), Some((12, &b"abc"[..])));
        assert_eq!(numbered(b"3"), Some((3, &b""[..])));
        for nonsense in [&b""[..], b"x 1", b"0 a", b"99999999999 a", b"-1 a"] {
            assert_eq!(numbered(nonsense), None);
        }
        assert_eq!(size(b"4294967296"), 4_294_967_296);
        assert_eq!(size(b"99999999999999999999999"), 0);
        assert_eq!(unique_id(&[b'u'; 300]).unwrap().len(), "sha256 ".len() + 64);
        assert_eq!(unique_id(b""), None);
    }
}
