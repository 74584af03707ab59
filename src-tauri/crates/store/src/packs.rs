//! Files of messages beside the database: bulk mail is written once, to their end, and not through the WAL.
//!
//! Only a transaction that writes appends, so that there is never more than one at a time, in whatever process. The
//! database knows how long each file is; what lies behind that was never committed, and the next append writes over
//! it. The bytes are durable before the transaction that names them is committed. Committed bytes never change.

use crate::table::{pack, raw_message::WriteError};
use rusqlite::Connection;
use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};
use tandem_engine::raw::RawMessage;

/// The folder of the files, beside the database.
const FOLDER: &str = "messages";
/// A file that has reached this many bytes is not appended to any more, so that a backup need not copy it again.
const FULL_BYTES: u64 = 256 * 1024 * 1024;
/// Messages that are smaller than this are gathered before they are written.
const GATHERED_BYTES: usize = 32 * 1024;
/// Larger messages are copied in pieces of this size.
const COPIED_BYTES: usize = 256 * 1024;

/// Where the files of a database are.
#[derive(Debug, Clone)]
pub(crate) struct Packs {
    folder: PathBuf,
}

impl Packs {
    /// Those beside this database.
    pub(crate) fn beside(database: &Path) -> Self {
        Self { folder: database.parent().unwrap_or(Path::new(".")).join(FOLDER) }
    }

    fn path(&self, number: u32) -> PathBuf {
        self.folder.join(format!("{number:06}.pack"))
    }

    /// Opens a file for reading, at a message.
    pub(crate) fn open(&self, number: u32, offset: u64) -> Result<File, WriteError> {
        let path = self.path(number);
        let open = File::open(&path).and_then(|mut file| file.seek(SeekFrom::Start(offset)).map(|_| file));
        open.map_err(|error| WriteError::Pack(path, error))
    }

    /// Copies a message out of a file.
    pub(crate) fn copy(
        &self,
        (number, offset): (u32, u64),
        size: u64,
        to: &mut dyn Write,
    ) -> Result<(), WriteError> {
        let mut file = self.open(number, offset)?.take(size);
        let mut buffer = vec![0; COPIED_BYTES];
        let mut left = size;
        while left > 0 {
            let count = file.read(&mut buffer).and_then(|count| match count {
                0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "its end is missing")),
                count => Ok(count),
            });
            let count = count.map_err(|error| WriteError::Pack(self.path(number), error))?;
            to.write_all(buffer.get(..count).unwrap_or_default()).map_err(WriteError::Read)?;
            left = left.saturating_sub(count as u64);
        }
        Ok(())
    }

    /// What is missing of the files that the database knows, in words.
    pub(crate) fn check(&self, connection: &Connection) -> rusqlite::Result<Vec<String>> {
        let mut found = Vec::new();
        for (number, length) in pack::all(connection)? {
            let path = self.path(number);
            let problem = match path.metadata() {
                Ok(data) if data.len() >= length => continue,
                Ok(data) => format!("has {} bytes instead of {length}", data.len()),
                Err(error) => format!("cannot be read: {error}"),
            };
            found.push(format!("{} {problem}; put it back from a backup", path.display()));
        }
        Ok(found)
    }

    /// Begins to append, inside a transaction that writes.
    pub(crate) fn append(&self, connection: &Connection) -> Result<Append, WriteError> {
        let last = pack::last(connection)?;
        if let Some((number, length)) = last.filter(|(_, length)| *length < FULL_BYTES) {
            let path = self.path(number);
            let open = OpenOptions::new().write(true).open(&path);
            match open.and_then(|file| Ok((file.metadata()?.len(), file))) {
                Ok((real, file)) if real >= length => return Append::at(file, path, number, length),
                // Its end is gone, or all of it: what is left of it stays as it is, for whoever puts it back.
                Ok((real, _)) => {
                    tracing::error!(path = %path.display(), real, length, "Messages are missing.");
                }
                Err(error) => tracing::error!(path = %path.display(), %error, "Messages cannot be reached."),
            }
        }
        let number = last.map_or(1, |(number, _)| number.saturating_add(1));
        let path = self.path(number);
        let file = self.create(&path).map_err(|error| WriteError::Pack(path.clone(), error))?;
        pack::insert(connection, number)?;
        Append::at(file, path, number, 0)
    }

    /// Makes a file whose name is durable. One of that name may be left of a transaction that was not committed.
    fn create(&self, path: &Path) -> io::Result<File> {
        crate::open::create_folder(&self.folder)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        #[cfg(unix)]
        for folder in self.folder.ancestors().take(2).filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
        Ok(file)
    }
}

/// Messages being appended to a file.
#[derive(Debug)]
pub(crate) struct Append {
    file: BufWriter<File>,
    path: PathBuf,
    number: u32,
    length: u64,
}

impl Append {
    fn at(mut file: File, path: PathBuf, number: u32, length: u64) -> Result<Self, WriteError> {
        if let Err(error) = file.seek(SeekFrom::Start(length)) {
            return Err(WriteError::Pack(path, error));
        }
        Ok(Self { file: BufWriter::with_capacity(GATHERED_BYTES, file), path, number, length })
    }

    /// Appends a message; the file's number, and where in it the message begins.
    pub(crate) fn add(&mut self, raw: &RawMessage) -> Result<(u32, u64), WriteError> {
        let failed = |error| WriteError::Pack(self.path.clone(), error);
        let place = (self.number, self.length);
        if let RawMessage::Memory(bytes) = raw {
            self.file.write_all(bytes).map_err(failed)?;
            self.length += raw.len();
            return Ok(place);
        }
        let mut source = raw.open().map_err(WriteError::Read)?;
        let mut buffer = vec![0; COPIED_BYTES];
        let mut written = 0;
        loop {
            let count = source.read(&mut buffer).map_err(WriteError::Read)?;
            if count == 0 {
                break;
            }
            self.file.write_all(buffer.get(..count).unwrap_or_default()).map_err(failed)?;
            written += count as u64;
        }
        if written != raw.len() {
            return Err(WriteError::cut(written, raw.len()));
        }
        self.length += written;
        Ok(place)
    }

    /// Makes the messages durable, and has the transaction record how long the file is with them.
    pub(crate) fn finish(mut self, connection: &Connection) -> Result<(), WriteError> {
        let written = self.file.flush().and_then(|()| self.file.get_ref().sync_data());
        written.map_err(|error| WriteError::Pack(self.path.clone(), error))?;
        pack::set_length(connection, self.number, self.length)?;
        Ok(())
    }
}
