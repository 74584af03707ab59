//! The real `tandem`, run from outside with a data folder of the test's own.
use crate::options::Account;
use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// How long one command may take before it counts as hung.
const COMMAND_LIMIT: Duration = Duration::from_secs(180);

/// The command-line program: `TANDEM_CLI`, else the one that was built beside this test.
///
/// # Panics
/// When it does not exist, with the command that builds it.
pub fn tandem() -> PathBuf {
    if let Some(path) = std::env::var_os("TANDEM_CLI") {
        return path.into();
    }
    let test = std::env::current_exe().expect("the test's own path");
    // target/PROFILE/deps/test-HASH
    let profile = test.ancestors().nth(2).expect("target/PROFILE");
    let program = profile.join("tandem");
    assert!(program.is_file(), "{} does not exist: run `cargo build -p tandem-cli` first", program.display());
    program
}

/// A data folder and the environment of the commands that use it.
#[derive(Debug)]
pub struct TandemData {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
    program: Option<PathBuf>,
}

/// What a finished command said.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    command: String,
}

/// A command that goes on; killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    command: String,
    output: PathBuf,
    errors: PathBuf,
}

impl Default for TandemData {
    fn default() -> Self {
        Self::new()
    }
}

impl TandemData {
    /// An empty data folder; secrets go to the encrypted file vault, opened with a passphrase of the test's.
    pub fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    /// The same in a given place (`/dev/shm` for a benchmark without a disk).
    pub fn below(parent: &Path) -> Self {
        let builder = tempfile::Builder::new().prefix("tandem-data.").tempdir_in(parent);
        let folder = builder.expect("make a data folder");
        fs::create_dir(folder.path().join("data")).expect("make a data folder");
        fs::create_dir(folder.path().join("output")).expect("make an output folder");
        Self { folder, variables: Vec::new(), program: None }
            .with("TANDEM_SECRETS", "file")
            .with("TANDEM_VAULT_PASSPHRASE", "the test's passphrase")
    }

    /// Sets an environment variable for every command; a later value replaces an earlier one.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs another program than [`tandem`]: a release build, or an older one.
    #[must_use]
    pub fn using(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = Some(program.into());
        self
    }

    /// Hands the accounts' passwords on, each under [`Account::password_variable`].
    #[must_use]
    pub fn with_passwords(self, accounts: &[Account]) -> Self {
        accounts.iter().fold(self, |data, account| data.with(&account.password_variable(), &account.password))
    }

    /// The data folder.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Writes a file beside the data folder and returns its path: a configuration, a message.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).expect("write a file");
        path
    }

    /// A folder beside the data folder.
    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(&path).expect("make a folder");
        path
    }

    /// The command, not yet started.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(self.program.clone().unwrap_or_else(tandem));
        command.arg("--data").arg(self.path()).args(arguments);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).current_dir(self.folder.path());
        command
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// When it takes longer than three minutes.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Outcome {
        self.spawn(arguments).wait(COMMAND_LIMIT)
    }

    /// Runs a command with `--json`, which must succeed, and returns its document.
    ///
    /// # Panics
    /// When it fails or its output is not one JSON document.
    pub fn json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> serde_json::Value {
        let mut all = vec!["--json".into()];
        all.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self.run::<std::ffi::OsString>(all).success().json()
    }

    /// Starts a command that goes on.
    pub fn spawn<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Running {
        let mut command = self.command(arguments);
        let output = self.output_file();
        let errors = output.with_extension("err");
        command.stdout(fs::File::create(&output).expect("make an output file"));
        command.stderr(fs::File::create(&errors).expect("make an output file"));
        let words: Vec<_> =
            command.get_args().skip(2).map(|word| word.to_string_lossy().into_owned()).collect();
        let child = command.spawn().unwrap_or_else(|error| panic!("tandem does not start: {error}"));
        Running { child, command: format!("tandem {}", words.join(" ")), output, errors }
    }

    fn output_file(&self) -> PathBuf {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        self.folder.path().join("output").join(format!("{}.out", COUNT.fetch_add(1, Ordering::Relaxed)))
    }
}

impl Outcome {
    /// The outcome itself, when the command ended with this exit code.
    ///
    /// # Panics
    /// Otherwise, with what the command said.
    #[must_use]
    pub fn expect_code(self, code: i32) -> Self {
        let Self { command, stdout, stderr, .. } = &self;
        assert_eq!(self.code, Some(code), "`{command}`\n--- stdout ---\n{stdout}\n--- stderr ---\n{stderr}");
        self
    }

    /// The outcome itself, when the command succeeded.
    #[must_use]
    pub fn success(self) -> Self {
        self.expect_code(0)
    }

    /// Its standard output as one JSON document.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> serde_json::Value {
        let Self { command, stdout, .. } = self;
        serde_json::from_str(stdout)
            .unwrap_or_else(|error| panic!("`{command}` printed no JSON document ({error}):\n{stdout}"))
    }
}

impl Running {
    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it is the engine of its data folder; a command that comes before could be faster.
    ///
    /// # Panics
    /// When it is not within half a minute.
    pub fn wait_until_engine_runs(&self) {
        let folder = format!("/proc/{}/fd", self.id());
        crate::wait_until("the engine to take its data folder", Duration::from_secs(30), || {
            let mut open =
                fs::read_dir(&folder).ok()?.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
            open.any(|path| path.ends_with("engine.lock")).then_some(())
        });
    }

    /// What it has written to standard output so far.
    pub fn stdout(&self) -> String {
        read(&self.output)
    }

    /// What it has written to standard error so far.
    pub fn stderr(&self) -> String {
        read(&self.errors)
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// SIGKILL: it cannot clean up.
    pub fn kill(mut self) -> Outcome {
        let _ = self.child.kill();
        let status = self.child.wait().expect("wait for tandem");
        self.outcome(status)
    }

    /// SIGTERM: it is asked to stop; waits for its end at most `limit`.
    ///
    /// # Panics
    /// When it does not stop in time.
    pub fn terminate(self, limit: Duration) -> Outcome {
        let _ = Command::new("kill").args(["-s", "TERM", &self.child.id().to_string()]).status();
        self.wait(limit)
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// After `limit`, with what it said until then; it is killed.
    pub fn wait(mut self, limit: Duration) -> Outcome {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("wait for tandem") {
                return self.outcome(status);
            }
            if start.elapsed() > limit {
                let _ = self.child.kill();
                let (out, err) = (self.stdout(), self.stderr());
                panic!(
                    "`{}` still runs after {limit:?}\n--- stdout ---\n{out}\n--- stderr ---\n{err}",
                    self.command
                );
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn outcome(&self, status: ExitStatus) -> Outcome {
        Outcome {
            code: status.code(),
            stdout: self.stdout(),
            stderr: self.stderr(),
            command: self.command.clone(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(path: &Path) -> String {
    fs::read(path).map_or_else(|_| String::new(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    /// A shell script in place of the program; it does not see `--data DIR`.
    fn shell(script: &str) -> TandemData {
        let data = TandemData::new();
        let source = data.file("source", format!("#!/bin/sh\nshift 2\n{script}\n"));
        let program = data.folder.path().join("program");
        // Copied by another process: a file that this one has open for writing, and a fork inherits, cannot be run.
        assert!(
            Command::new("install").args(["-m", "755"]).args([&source, &program]).status().unwrap().success()
        );
        data.using(program)
    }

    #[test]
    fn a_command_gets_its_arguments_its_variables_and_no_input() {
        let account = Account { address: "amy.k@contoso.test".into(), password: "se cret".into() };
        let data = shell(r#"printf '{"args":"%s","secret":"%s"}' "$*" "$AMY_K_PASSWORD"; cat"#);
        let answer = data.with_passwords(&[account]).json(["email", "list"]);
        assert_eq!(answer["args"], "--json email list");
        assert_eq!(answer["secret"], "se cret");
    }

    #[test]
    fn an_outcome_keeps_code_and_both_outputs() {
        let outcome = shell("echo out; echo err >&2; exit 3").run(["x"]).expect_code(3);
        assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("out\n", "err\n"));
    }

    #[test]
    #[should_panic(expected = "exit 1 was wrong")]
    fn a_failure_shows_what_the_command_said() {
        let _ = shell("echo exit 1 was wrong >&2; exit 1").run(["x"]).success();
    }

    #[test]
    fn a_running_command_is_asked_to_stop_or_killed() {
        let script = "trap 'echo stopped; exit 0' TERM; echo ready; while :; do sleep 0.02; done";
        for killed in [false, true] {
            let data = shell(script);
            let mut running = data.spawn(["run"]);
            crate::wait_until("the script", LIMIT, || running.stdout().contains("ready").then_some(()));
            assert!(running.is_running());
            let outcome = if killed { running.kill() } else { running.terminate(LIMIT) };
            assert_eq!(
                (outcome.code, outcome.stdout.contains("stopped")),
                if killed { (None, false) } else { (Some(0), true) }
            );
        }
    }

    #[test]
    #[should_panic(expected = "still runs after")]
    fn a_hung_command_is_ended() {
        let _ = shell("exec sleep 60").spawn(["x"]).wait(Duration::from_millis(100));
    }
}
