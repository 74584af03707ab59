//! The real window, driven over WebDriver with a data folder of the test's own.
use crate::{program::TandemData, wait::free_port};
use fantoccini::{Client, ClientBuilder, Locator, elements::Element, error::CmdError, key::Key};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tokio::sync::{Mutex, MutexGuard};

/// How long anything that the page does may take.
const LIMIT: Duration = Duration::from_secs(30);

/// The program with the window: `TANDEM_DESKTOP`, else the one that was built beside this test.
///
/// # Panics
/// When it does not exist, with the command that builds it.
pub fn tandem_desktop() -> PathBuf {
    if let Some(path) = std::env::var_os("TANDEM_DESKTOP") {
        return path.into();
    }
    let test = std::env::current_exe().expect("the test's own path");
    let program = test.ancestors().nth(2).expect("target/PROFILE").join("tandem-desktop");
    assert!(
        program.is_file(),
        "{} does not exist: run `npm --prefix ui run build` and `cargo build -p tandem-desktop --features \
         tauri/custom-protocol` first",
        program.display()
    );
    program
}

/// The display, with a window manager, for one test at a time: a session has one Tandem.
pub struct Desktop {
    openbox: Child,
    _alone: MutexGuard<'static, ()>,
}

impl Desktop {
    /// Waits for the display.
    ///
    /// # Panics
    /// Outside of tests/with-session.sh.
    pub async fn take() -> Self {
        static ALONE: Mutex<()> = Mutex::const_new(());
        let alone = ALONE.lock().await;
        assert!(
            std::env::var_os("TANDEM_SESSION").is_some(),
            "the window needs a desktop session: run `tests/with-session.sh cargo test -p tandem-tests --test window`"
        );
        let openbox = Command::new("openbox")
            .args(["--sm-disable"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("openbox is installed: run script/bootstrap");
        Self { openbox, _alone: alone }
    }

    /// What `xdotool` answers; empty when it finds nothing.
    pub fn xdotool(&self, arguments: &[&str]) -> String {
        let output =
            Command::new("timeout").args(["5", "xdotool"]).args(arguments).stderr(Stdio::null()).output();
        String::from_utf8_lossy(&output.expect("xdotool is installed: run script/bootstrap").stdout)
            .trim()
            .to_owned()
    }

    /// Closes a window as a person does, with Alt+F4.
    pub fn close(&self, window: &str) {
        let _ = self.xdotool(&["windowactivate", "--sync", window, "key", "--clearmodifiers", "alt+F4"]);
    }

    /// The numbers of Tandem's windows that can be seen.
    pub fn visible_windows(&self) -> Vec<String> {
        let found = self.xdotool(&["search", "--onlyvisible", "--name", "^Tandem$"]);
        found.lines().map(str::to_owned).collect()
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        let _ = self.openbox.kill();
        let _ = self.openbox.wait();
    }
}

/// Places of the window's own, so that nothing of another test's window is in it.
pub struct Home {
    folder: tempfile::TempDir,
    data: PathBuf,
}

impl Home {
    /// For windows over this data folder, with passwords in the keychain.
    pub fn over(data: &TandemData) -> Self {
        let folder = tempfile::Builder::new().prefix("tandem-window.").tempdir().expect("make a folder");
        Self { folder, data: data.path() }
    }

    /// The variables that a start in this home has.
    pub fn dress(&self, command: &mut Command) {
        for name in ["XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"] {
            command.env(name, self.folder.path().join(name));
        }
        command.env("TANDEM_DATA", &self.data).env_remove("TANDEM_SECRETS").stdin(Stdio::null());
    }

    /// Starts the program without a driver; its standard error goes to the file that is returned.
    pub fn start(&self, variables: &[(&str, String)]) -> (Group, PathBuf) {
        let log = self.folder.path().join("start.log");
        let mut command = Command::new(tandem_desktop());
        self.dress(&mut command);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        (Group::spawn(command, &log), log)
    }
}

/// A process and all that it started; killed when dropped.
pub struct Group {
    /// Its first process.
    pub child: Child,
}

impl Group {
    fn spawn(mut command: Command, log: &Path) -> Self {
        let log = fs::File::create(log).expect("make a log");
        command.stdout(log.try_clone().expect("share the log")).stderr(log).process_group(0);
        Self { child: command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}")) }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}

/// A window that a test drives.
pub struct Window {
    /// The page.
    pub page: Client,
    driver: Group,
    log: PathBuf,
}

impl Window {
    /// Starts the program and waits for its page.
    ///
    /// # Panics
    /// When there is no page in time, with what the program said.
    pub async fn open(home: &Home) -> Self {
        // Only the first of several tests in a process can install it; they all want the same.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let port = free_port();
        let log = home.folder.path().join("driver.log");
        let mut command = Command::new("WebKitWebDriver");
        command.arg(format!("--port={port}")).env("TAURI_WEBVIEW_AUTOMATION", "true");
        home.dress(&mut command);
        let driver = Group::spawn(command, &log);
        let mut wanted = serde_json::Map::new();
        wanted
            .insert("webkitgtk:browserOptions".to_owned(), json!({ "binary": tandem_desktop(), "args": [] }));
        let address = format!("http://127.0.0.1:{port}");
        let start = Instant::now();
        let page = loop {
            let mut builder = ClientBuilder::rustls().expect("TLS");
            let session = builder.capabilities(wanted.clone()).connect(&address);
            match session.await {
                Ok(page) => break page,
                Err(error) if start.elapsed() > LIMIT => {
                    panic!("no window: {error}\n{}", fs::read_to_string(&log).unwrap_or_default())
                }
                Err(_not_yet) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        };
        Self { page, driver, log }
    }

    /// The number of the program's process.
    pub fn process(&self) -> String {
        let driver = self.driver.child.id().to_string();
        let output = Command::new("pgrep").args(["-P", &driver]).output().expect("pgrep runs");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// What the program wrote to its outputs.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The element with this handle (see `ui/src/lib/testids.ts`), as soon as it is there.
    pub async fn see(&self, handle: &str) -> Element {
        self.find(&format!("[data-testid=\"{handle}\"]")).await
    }

    /// The first element that a CSS selector finds, as soon as it is there.
    ///
    /// # Panics
    /// With the page's text when it is not there in time.
    pub async fn find(&self, css: &str) -> Element {
        match self.page.wait().at_most(LIMIT).for_element(Locator::Css(css)).await {
            Ok(element) => element,
            Err(error) => self.fail(&format!("no {css}: {error}")).await,
        }
    }

    /// The first element that contains this text among those whose handle begins so.
    pub async fn row(&self, handle: &str, text: &str) -> Element {
        let path = format!("//*[starts-with(@data-testid,'{handle}')][contains(.,'{text}')]");
        match self.page.wait().at_most(LIMIT).for_element(Locator::XPath(&path)).await {
            Ok(element) => element,
            Err(error) => self.fail(&format!("no {handle} with {text}: {error}")).await,
        }
    }

    /// Clicks the element with this handle, as soon as it can be clicked.
    pub async fn click(&self, handle: &str) {
        let enabled = format!("[data-testid=\"{handle}\"]:not(:disabled)");
        let start = Instant::now();
        loop {
            let Err(error) = self.find(&enabled).await.click().await else { return };
            if start.elapsed() > Duration::from_secs(10) {
                self.fail(&format!("{handle} can't be clicked: {error:?}")).await;
            }
            // The driver scrolls only as far as the edge, where something may lie over it.
            let scroll =
                format!("document.querySelector('{enabled}')?.scrollIntoView({{ block: 'center' }})");
            let _ = self.ask(&scroll).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Clicks the tab with this title.
    pub async fn tab(&self, title: &str) {
        let path = format!("//button[@role='tab'][contains(.,'{title}')]");
        let tab = self.page.wait().at_most(LIMIT).for_element(Locator::XPath(&path)).await;
        tab.expect("the tab").click().await.expect("a click");
    }

    /// Replaces what is in a field.
    pub async fn fill(&self, handle: &str, text: &str) {
        let field = self.see(handle).await;
        let all =
            format!("{}a{}{}", char::from(Key::Control), char::from(Key::Null), char::from(Key::Delete));
        field.click().await.expect("a click");
        field.send_keys(&all).await.expect("typing");
        field.send_keys(text).await.expect("typing");
        let typed = Instant::now();
        loop {
            let now = field.prop("value").await.expect("a value").unwrap_or_default();
            if now == text {
                return;
            }
            if typed.elapsed() > Duration::from_secs(10) {
                let focus = self.ask("return document.activeElement?.outerHTML.slice(0, 200)").await;
                self.fail(&format!("{handle} has {now:?}, not {text:?}, and the focus is on {focus}")).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Chooses a value in a list.
    pub async fn choose(&self, handle: &str, value: &str) {
        self.see(handle).await.select_by_value(value).await.expect("a choice");
    }

    /// The text of the element with this handle, once it shows one: what is not painted yet has none.
    pub async fn text(&self, handle: &str) -> String {
        let start = Instant::now();
        loop {
            // An element that is drawn anew meanwhile is looked for again.
            let text = self.see(handle).await.text().await.unwrap_or_default();
            if !text.is_empty() {
                return text;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "{handle} shows no text");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Opens a page from the navigation.
    pub async fn go(&self, page: &str) {
        self.click(&format!("nav-{page}")).await;
        let _ = self.find(&format!("[data-testid=\"nav-{page}\"][aria-current=\"page\"]")).await;
    }

    /// What a script in the page returns.
    pub async fn ask(&self, script: &str) -> Value {
        self.page.execute(script, Vec::new()).await.expect("a script")
    }

    /// Keeps what the window shows now as `NAME.png` (in `TANDEM_SCREENSHOTS`, else `test-output/screenshots`), and
    /// checks that nothing sticks out at the side.
    pub async fn shot(&self, name: &str) {
        // Dialogs and lists fade in.
        tokio::time::sleep(Duration::from_millis(400)).await;
        let folder = std::env::var_os("TANDEM_SCREENSHOTS").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../test-output/screenshots"),
            PathBuf::from,
        );
        fs::create_dir_all(&folder).expect("make a folder");
        // What was changed last is painted when a second frame begins.
        let painted =
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done(true)))";
        let _ = self.page.execute_async(painted, Vec::new()).await.expect("a painted frame");
        let picture = self.picture().await.expect("a picture");
        fs::write(folder.join(format!("{name}.png")), picture).expect("write a picture");
        let wide = "return [...document.querySelectorAll('html, main, form, fieldset, aside, [role=dialog]')]\
                    .filter(e => e.scrollWidth > e.clientWidth + 1)\
                    .map(e => `${e.tagName} is ${e.scrollWidth} wide in ${e.clientWidth}`)";
        assert_eq!(self.ask(wide).await, json!([]), "on {name} something sticks out at the side");
    }

    /// What the window shows. The driver takes the picture after the next paint, and a page that is drawn without
    /// acceleration is painted only when something changes: one pixel in the corner does so for a second.
    async fn picture(&self) -> Result<Vec<u8>, CmdError> {
        let blinking = "const pixel = document.body.appendChild(document.createElement('div')); let on = 0; \
                        const next = () => pixel.style.cssText = 'position: fixed; width: 1px; height: 1px; top: 0; \
                        left: 0; pointer-events: none; background: rgba(128, 128, 128, ' + (on++ % 2 + 1) / 255 + ')'; \
                        next(); const timer = setInterval(next, 20); \
                        setTimeout(() => { clearInterval(timer); pixel.remove() }, 1000)";
        let _ = self.page.execute(blinking, Vec::new()).await?;
        self.page.screenshot().await
    }

    async fn fail(&self, why: &str) -> ! {
        if let Ok(picture) = self.picture().await {
            let _ = fs::write(std::env::temp_dir().join("tandem-window-failure.png"), picture);
        }
        let text = self.ask("return document.body.innerText").await;
        panic!(
            "{why}\n--- the page ---\n{}\n--- the program ---\n{}",
            text.as_str().unwrap_or_default(),
            self.said()
        )
    }
}
