//! `raw_message` and `raw_chunk`: the bytes of messages, written and read in pieces of bounded size.

use crate::packs::{Append, Packs};
use rusqlite::{Connection, OptionalExtension, params};
use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::PathBuf,
};
use tandem_engine::raw::RawMessage;

/// Up to this size the bytes stand in one row; above it in chunks of this size.
pub(crate) const CHUNK_BYTES: u64 = 256 * 1024;

/// Why a message was not written, or not read.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// The message's temporary file cannot be read, or that to which it is copied cannot be written.
    Read(io::Error),
    /// The file beside the database cannot be written, or not read.
    Pack(PathBuf, io::Error),
    /// The database failed.
    Database(rusqlite::Error),
}

impl WriteError {
    /// The temporary file is not as long as it was.
    pub(crate) fn cut(found: u64, expected: u64) -> Self {
        let words = format!("the message has {found} bytes instead of {expected}");
        Self::Read(io::Error::new(io::ErrorKind::UnexpectedEof, words))
    }
}

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// Where the bytes of a stored message are.
#[derive(Debug)]
pub(crate) enum Stored {
    /// In its row.
    Row(Vec<u8>),
    /// In chunks.
    Chunks,
    /// In this file beside the database, from this offset on.
    Pack(u32, u64),
}

/// Appends a message to a file beside the database; its row.
pub(crate) fn append(connection: &Connection, raw: &RawMessage, to: &mut Append) -> Result<i64, WriteError> {
    let (number, offset) = to.add(raw)?;
    let mut insert =
        connection.prepare_cached("INSERT INTO raw_message (size, pack, pack_offset) VALUES (?1, ?2, ?3)")?;
    insert.execute(params![raw.len(), number, offset])?;
    Ok(connection.last_insert_rowid())
}

/// Writes a message into the database; its row.
pub(crate) fn insert(connection: &Connection, raw: &RawMessage) -> Result<i64, WriteError> {
    let mut insert = connection.prepare_cached("INSERT INTO raw_message (size, bytes) VALUES (?1, ?2)")?;
    if let RawMessage::Memory(bytes) = raw
        && raw.len() <= CHUNK_BYTES
    {
        insert.execute(params![raw.len(), &**bytes])?;
        return Ok(connection.last_insert_rowid());
    }
    insert.execute(params![raw.len(), None::<&[u8]>])?;
    let row = connection.last_insert_rowid();
    let mut chunk = connection
        .prepare_cached("INSERT INTO raw_chunk (raw_message, position, bytes) VALUES (?1, ?2, ?3)")?;
    let mut source = raw.open().map_err(WriteError::Read)?;
    let mut buffer = Vec::new();
    let mut written = 0;
    for position in 0_i64.. {
        buffer.clear();
        let read = Read::by_ref(&mut source).take(CHUNK_BYTES).read_to_end(&mut buffer);
        let read = read.map_err(WriteError::Read)?;
        if read == 0 {
            break;
        }
        written += read as u64;
        chunk.execute(params![row, position, buffer])?;
    }
    if written != raw.len() {
        return Err(WriteError::cut(written, raw.len()));
    }
    Ok(row)
}

/// Deletes a message.
pub(crate) fn delete(connection: &Connection, row: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM raw_message WHERE row = ?1")?.execute([row])?;
    Ok(())
}

/// The size of a message, and where its bytes are.
pub(crate) fn find(connection: &Connection, row: i64) -> rusqlite::Result<(u64, Stored)> {
    let mut select =
        connection.prepare_cached("SELECT size, bytes, pack, pack_offset FROM raw_message WHERE row = ?1")?;
    select.query_row([row], |row| {
        let stored = match (row.get("pack")?, row.get("bytes")?) {
            (Some(number), _) => Stored::Pack(number, row.get("pack_offset")?),
            (None, Some(bytes)) => Stored::Row(bytes),
            (None, None) => Stored::Chunks,
        };
        Ok((row.get("size")?, stored))
    })
}

/// Copies a message that stands in chunks.
pub(crate) fn copy_chunks(
    connection: &Connection,
    row: i64,
    to: &mut dyn io::Write,
) -> Result<(), WriteError> {
    let mut select =
        connection.prepare_cached("SELECT bytes FROM raw_chunk WHERE raw_message = ?1 ORDER BY position")?;
    let mut rows = select.query([row])?;
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
        to.write_all(bytes).map_err(WriteError::Read)?;
    }
    Ok(())
}

fn cut_pack() -> io::Error {
    let words = "the end of a file of messages beside the database is missing; put it back from a backup";
    io::Error::new(io::ErrorKind::UnexpectedEof, words)
}

/// Reads a stored message, or a range of it, from any position; holds one chunk in memory. Blocks.
#[derive(Debug)]
pub struct RawReader {
    connection: Connection,
    row: i64,
    /// The bounds of what is read, in the raw message.
    start: u64,
    end: u64,
    /// The next byte to read, in the raw message.
    at: u64,
    chunk: Vec<u8>,
    /// Which chunk that is.
    position: Option<u64>,
    /// The file beside the database, when the message is in one, and where it begins there.
    pack: Option<(File, u64)>,
}

impl RawReader {
    pub(crate) fn new(connection: Connection, packs: &Packs, row: i64) -> Result<Self, WriteError> {
        let (size, stored) = find(&connection, row)?;
        let (mut chunk, mut position, mut pack) = (Vec::new(), None, None);
        match stored {
            Stored::Row(bytes) => (chunk, position) = (bytes, Some(0)),
            Stored::Chunks => {}
            Stored::Pack(number, offset) => {
                pack = Some((packs.open(number, offset)?, offset));
            }
        }
        Ok(Self { connection, row, start: 0, end: size, at: 0, chunk, position, pack })
    }

    /// Only this range, cut to what is there.
    #[must_use]
    pub fn range(mut self, offset: u64, length: u64) -> Self {
        self.start = offset.min(self.end);
        self.end = offset.saturating_add(length).min(self.end);
        self.at = self.start;
        self
    }

    /// How many bytes there are to read from the start.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.end - self.start
    }

    /// Whether there is nothing to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn load(&mut self, position: u64) -> io::Result<()> {
        if self.position == Some(position) {
            return Ok(());
        }
        let mut select = self
            .connection
            .prepare_cached("SELECT bytes FROM raw_chunk WHERE raw_message = ?1 AND position = ?2")
            .map_err(io::Error::other)?;
        let found = select
            .query_row(params![self.row, position], |row| row.get(0))
            .optional()
            .map_err(io::Error::other)?;
        self.chunk = found.ok_or(io::ErrorKind::UnexpectedEof)?;
        self.position = Some(position);
        Ok(())
    }
}

impl Read for RawReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.end || buffer.is_empty() {
            return Ok(0);
        }
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        if let Some((file, offset)) = &mut self.pack {
            file.seek(SeekFrom::Start(offset.saturating_add(self.at)))?;
            let count = file.read(buffer.get_mut(..wanted).unwrap_or_default())?;
            if count == 0 {
                return Err(cut_pack());
            }
            self.at += count as u64;
            return Ok(count);
        }
        self.load(self.at / CHUNK_BYTES)?;
        let within = usize::try_from(self.at % CHUNK_BYTES).map_err(io::Error::other)?;
        let part = self.chunk.get(within..).unwrap_or_default();
        let count = part.len().min(wanted);
        let (Some(to), Some(from)) = (buffer.get_mut(..count), part.get(..count)) else { return Ok(0) };
        to.copy_from_slice(from);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for RawReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => self.start.checked_add(offset),
            SeekFrom::End(offset) => self.end.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.at.checked_add_signed(offset),
        };
        self.at = target.filter(|at| *at >= self.start).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at - self.start)
    }
}
