//! Ends what a test started, however the test ends: also when it is killed.
use std::{
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
};

/// A shell that waits for the end of its input, which this process holds open, then kills the process groups named in
/// the given pid files and removes the folder. One way out for a passed, a failed and a killed test.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
    input: Option<ChildStdin>,
}

const SCRIPT: &str = r#"
trap '' HUP INT TERM
folder=$1 privilege=$2; shift 2
cat > /dev/null
for file in "$@"; do
  pid=$($privilege cat "$file" 2> /dev/null | tr -cd 0-9)
  # A pid file may be stale: only a process that was started with our folder in its arguments or environment is ours.
  [ -n "$pid" ] && [ "$pid" -gt 1 ] || continue
  $privilege sh -c 'tr "\0" "\n" < "/proc/$1/cmdline"; tr "\0" "\n" < "/proc/$1/environ"; ls -l "/proc/$1/cwd"' \
    sh "$pid" 2> /dev/null | grep -qF "$folder" || continue
  $privilege kill -s KILL -- "-$pid" 2> /dev/null
done
i=0
while [ $i -lt 50 ] && ! $privilege rm -rf "$folder" 2> /dev/null; do i=$((i + 1)); sleep 0.1; done
"#;

impl Guard {
    /// Watches over `folder` and the groups whose leaders the pid files will name. `privilege` is put before commands
    /// that need it (`sudo -n`, or nothing).
    pub(crate) fn over(folder: &Path, privilege: &str, pid_files: &[&Path]) -> Self {
        use std::os::unix::process::CommandExt;
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "guard"])
            .arg(folder)
            .arg(privilege)
            .args(pid_files)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            // Ctrl-C ends the test, not its guard.
            .process_group(0)
            .spawn()
            .expect("sh starts");
        let input = shell.stdin.take();
        Self { shell, input }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.shell.wait();
    }
}
