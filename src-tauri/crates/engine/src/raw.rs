//! A message's raw bytes: in memory while small, in a temporary file when large.

use std::{
    fs::File,
    io::{self, Cursor, Read, Seek},
    sync::Arc,
};
use tempfile::TempPath;

/// Messages up to this size stay in memory; larger ones are spooled to a temporary file.
pub const SPOOL_THRESHOLD_BYTES: u64 = 512 * 1024;

/// The raw bytes of one message (RFC 5322), CRLF line ends as they came. Cheap to clone.
#[derive(Debug, Clone)]
pub enum RawMessage {
    /// In memory.
    Memory(Arc<[u8]>),
    /// In a temporary file that goes away with the last clone.
    Spooled {
        /// The file.
        path: Arc<TempPath>,
        /// Its size in bytes.
        len: u64,
    },
}

/// Something that can be read from any position.
pub trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

impl RawMessage {
    /// The size in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Spooled { len, .. } => *len,
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Opens it for reading from the start.
    ///
    /// # Errors
    /// Those of opening the temporary file.
    pub fn open(&self) -> io::Result<Box<dyn ReadSeek>> {
        Ok(match self {
            Self::Memory(bytes) => Box::new(Cursor::new(Arc::clone(bytes))),
            Self::Spooled { path, .. } => Box::new(File::open(path.as_ref())?),
        })
    }
}

impl From<Vec<u8>> for RawMessage {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Memory(bytes.into())
    }
}
