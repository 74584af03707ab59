//! Collects a message as it arrives: in memory while small, in a temporary file from the threshold on.

use std::io;
use tandem_domain::failure::{Failure, FailureCode};
use tandem_engine::raw::{RawMessage, SPOOL_THRESHOLD_BYTES};
use tempfile::{NamedTempFile, TempPath};
use tokio::io::AsyncWriteExt;

/// How much is collected before it is written to the file.
const CHUNK_BYTES: usize = 256 * 1024;

/// A message that is arriving. Append to [`Spool::buffer`], then call [`Spool::settle`].
pub struct Spool {
    buffer: Vec<u8>,
    written: u64,
    file: Option<(tokio::fs::File, TempPath)>,
}

impl Spool {
    /// An empty one, with room for what the server announced, within reason.
    #[must_use]
    pub fn expecting(bytes: u64) -> Self {
        let room = usize::try_from(bytes.min(SPOOL_THRESHOLD_BYTES)).unwrap_or_default();
        Self { buffer: Vec::with_capacity(room.saturating_add(1024)), written: 0, file: None }
    }

    /// Where the next bytes are appended.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// How many bytes have arrived.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Whether none have.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes to the file what need not stay in memory.
    ///
    /// # Errors
    /// `DiskFull` and other errors of the temporary folder.
    pub async fn settle(&mut self) -> Result<(), Failure> {
        let spooling = self.file.is_some() && self.buffer.len() >= CHUNK_BYTES;
        if !spooling && self.buffer.len() as u64 <= SPOOL_THRESHOLD_BYTES {
            return Ok(());
        }
        self.write_out().await.map_err(|error| cannot_spool(&error))
    }

    /// The message.
    ///
    /// # Errors
    /// As [`Spool::settle`].
    pub async fn finish(mut self) -> Result<RawMessage, Failure> {
        if self.file.is_none() && self.buffer.len() as u64 <= SPOOL_THRESHOLD_BYTES {
            return Ok(RawMessage::from(self.buffer));
        }
        self.write_out().await.map_err(|error| cannot_spool(&error))?;
        let Some((mut file, path)) = self.file else { return Ok(RawMessage::from(self.buffer)) };
        file.flush().await.map_err(|error| cannot_spool(&error))?;
        Ok(RawMessage::Spooled { path: path.into(), len: self.written })
    }

    async fn write_out(&mut self) -> io::Result<()> {
        let (file, _) = match &mut self.file {
            Some(open) => open,
            None => {
                let made = tokio::task::spawn_blocking(NamedTempFile::new);
                let (file, path) = made.await.map_err(io::Error::other)??.into_parts();
                self.file.insert((tokio::fs::File::from_std(file), path))
            }
        };
        file.write_all(&self.buffer).await?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

/// Not the server's fault: this computer's, so that no mailbox can go on.
fn cannot_spool(error: &io::Error) -> Failure {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FailureCode::DiskFull,
        io::ErrorKind::ReadOnlyFilesystem => FailureCode::DiskReadOnly,
        io::ErrorKind::PermissionDenied => FailureCode::DiskAccessDenied,
        _ => FailureCode::DiskFailed,
    };
    let folder = std::env::temp_dir();
    let said =
        format!("a large message cannot be kept in the temporary folder {}: {error}", folder.display());
    Failure::transient_profile(code, said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_large_message_goes_to_a_file_that_goes_away_with_it() {
        let mut spool = Spool::expecting(u64::MAX);
        let line = [b'x'; 1000];
        for _ in 0..3000 {
            spool.buffer().extend_from_slice(&line);
            spool.settle().await.unwrap();
            assert!(spool.buffer.capacity() < 2 * 1024 * 1024);
        }
        let raw = spool.finish().await.unwrap();
        assert_eq!(raw.len(), 3_000_000);
        let RawMessage::Spooled { path, .. } = &raw else { panic!("kept in memory") };
        let path = path.to_path_buf();
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut raw.open().unwrap(), &mut bytes).unwrap();
        assert!(bytes.len() == 3_000_000 && bytes.iter().all(|byte| *byte == b'x'));
        drop(raw);
        assert!(!path.exists());
    }

    #[test]
    fn every_error_of_a_temporary_folder_in_the_corpus_has_its_code() {
        const CORPUS: &str = include_str!("../../../../tests/corpus/errors/disk.tsv");
        let here = if cfg!(windows) { "windows" } else { "linux" };
        let mut seen = 0;
        for line in CORPUS.lines().filter(|line| line.starts_with("spool\t")) {
            let fields: Vec<&str> = line.split('\t').collect();
            let (system, number) = fields[1].split_once(' ').unwrap();
            if system != here || !cfg!(any(windows, target_os = "linux")) {
                continue;
            }
            let failure = cannot_spool(&io::Error::from_raw_os_error(number.parse().unwrap()));
            assert_eq!(failure.code.as_str(), fields[4], "{line}");
            assert_eq!((fields[2], fields[3]), ("transient", "profile"), "{line}");
            seen += 1;
        }
        assert!(seen >= 4 || !cfg!(any(windows, target_os = "linux")), "{seen}");
    }

    #[tokio::test]
    async fn a_small_message_stays_in_memory() {
        let mut spool = Spool::expecting(3);
        spool.buffer().extend_from_slice(b"abc");
        assert!(matches!(spool.finish().await.unwrap(), RawMessage::Memory(bytes) if *bytes == *b"abc"));
    }
}
