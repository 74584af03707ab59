//! The socket or pipe: one per engine, for its user only.
//!
//! On Unix a socket in the data folder (mode 0600), or in `XDG_RUNTIME_DIR` or a private temporary folder when its path
//! would be longer than socket addresses may be. On Windows a named pipe that only its user and the system may open,
//! with a name that nobody can guess beforehand.

use interprocess::local_socket::{
    GenericFilePath, ListenerOptions, Name, ToFsName,
    tokio::{Listener, Stream, prelude::*},
};
use std::{
    io,
    path::{Path, PathBuf},
};

/// Where an engine listens.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) path: PathBuf,
    pub(super) listener: Listener,
    /// Removed with it.
    _folder: Option<tempfile::TempDir>,
}

/// Connects to an engine.
pub(super) async fn connect(path: &Path) -> io::Result<Stream> {
    Stream::connect(name(path)?).await
}

fn name(path: &Path) -> io::Result<Name<'_>> {
    path.to_fs_name::<GenericFilePath>()
}

/// Listens. Only the holder of the data folder's lock may call this: it removes what a crash left.
#[cfg(unix)]
pub(super) fn open(folder: &Path) -> io::Result<Endpoint> {
    use std::os::unix::fs::PermissionsExt;
    let (path, private) = place(folder)?;
    let listener = ListenerOptions::new().name(name(&path)?).try_overwrite(true).create_tokio()?;
    // Until here the folder, the umask and the token keep others out.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(Endpoint { path, listener, _folder: private })
}

/// Where the socket goes, and the folder that was made for it.
#[cfg(unix)]
fn place(folder: &Path) -> io::Result<(PathBuf, Option<tempfile::TempDir>)> {
    /// `sun_path` has 104 bytes on macOS and 108 on Linux, with a zero at its end.
    const LONGEST: usize = 103;
    let fits = |path: &Path| path.as_os_str().len() <= LONGEST;
    let beside = folder.join("engine.sock");
    if fits(&beside) {
        return Ok((beside, None));
    }
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let mut last = io::Error::new(io::ErrorKind::InvalidFilename, "there is no place with a short path");
    for parent in runtime.into_iter().chain([std::env::temp_dir()]) {
        // Mode 0700; its name is found through the holder's file.
        match tempfile::Builder::new().prefix("tandem-").tempdir_in(&parent) {
            Ok(private) if fits(&private.path().join("engine.sock")) => {
                return Ok((private.path().join("engine.sock"), Some(private)));
            }
            Ok(_) => {}
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Listens on a pipe of its own.
#[cfg(windows)]
pub(super) fn open(_folder: &Path) -> io::Result<Endpoint> {
    use interprocess::os::windows::{
        local_socket::ListenerOptionsExt, security_descriptor::SecurityDescriptor,
    };
    /// Protected: nothing is inherited; all rights for the owner (who made it) and the system, none for others.
    const OWNER_AND_SYSTEM: &widestring::U16CStr = widestring::u16cstr!("D:P(A;;GA;;;OW)(A;;GA;;;SY)");
    let path = PathBuf::from(format!(r"\\.\pipe\tandem-{}", uuid::Uuid::new_v4().simple()));
    let allowed = SecurityDescriptor::deserialize(OWNER_AND_SYSTEM)?;
    let listener = ListenerOptions::new().name(name(&path)?).security_descriptor(allowed).create_tokio()?;
    Ok(Endpoint { path, listener, _folder: None })
}
