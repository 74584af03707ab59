//! One data folder with a configuration, and what tests do with it again and again.
use crate::{
    options::Account,
    program::{Outcome, TandemData},
};
use serde_json::Value;
use std::path::Path;

/// A data folder that a test configures and drives.
#[derive(Debug)]
pub struct Scene {
    /// The data folder and the commands' environment.
    pub data: TandemData,
}

/// A message to be delivered, written line by line.
#[derive(Debug, Clone)]
pub struct Mail {
    from: String,
    to: String,
    subject: String,
    message_id: String,
    headers: String,
    body: String,
    attachment: Option<(String, Vec<u8>)>,
}

impl Scene {
    /// An empty data folder whose commands know the passwords of these accounts.
    pub fn new(accounts: &[Account]) -> Self {
        Self { data: TandemData::new().with_passwords(accounts) }
    }

    /// An empty data folder in which `text` was applied, and what it describes tested and enabled.
    pub fn ready(accounts: &[Account], text: &str) -> Self {
        let scene = Self::new(accounts);
        let _ = scene.apply(text).success();
        let _ = scene.data.run(["mailbox", "test-enable", "--all"]).success();
        scene
    }

    /// Applies a configuration.
    pub fn apply(&self, text: &str) -> Outcome {
        let file = self.data.file("setup.toml", text);
        self.data.run(["apply".as_ref(), file.as_os_str()])
    }

    /// The configuration as Tandem writes it, with contacts, accounts and leads.
    pub fn export(&self) -> String {
        self.data.run(["export", "--records"]).success().stdout
    }

    /// Runs the mailbox's cycles now, which must succeed.
    pub fn sync(&self, address: &str) {
        let _ = self.data.run(["sync", address]).success();
    }

    /// All email activities, whole, in the order in which `email list` gives them.
    pub fn emails(&self) -> Vec<Value> {
        let listed = self.data.json(["email", "list"]);
        let ids = array(&listed).iter().map(|email| text(&email["id"]).to_owned()).collect::<Vec<_>>();
        ids.iter().map(|id| self.email(id)).collect()
    }

    /// One email activity, whole.
    pub fn email(&self, id: &str) -> Value {
        self.data.json(["email", "show", id])
    }

    /// The one email activity with this Message-ID.
    ///
    /// # Panics
    /// When there is none, or more than one.
    pub fn email_with(&self, message_id: &str) -> Value {
        let listed = self.data.json(["email", "list"]);
        let found: Vec<_> =
            array(&listed).iter().filter(|email| email["message_id"] == message_id).cloned().collect();
        assert_eq!(found.len(), 1, "records of <{message_id}> in {listed:#}");
        self.email(text(&found[0]["id"]))
    }

    /// Makes an email and queues it; returns its id.
    pub fn send<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> String {
        let made = self.data.json(["email", "send"].into_iter().chain(arguments));
        text(&made["id"]).to_owned()
    }

    /// The ledger of one mailbox, less Tandem's own test messages.
    pub fn ledger(&self, mailbox: &str) -> Vec<Value> {
        let rows = self.data.json(["ledger", "--mailbox", mailbox]);
        array(&rows).iter().filter(|row| row["decision"] != "test_message").cloned().collect()
    }

    /// The open alerts.
    pub fn alerts(&self) -> Vec<Value> {
        array(&self.data.json(["alerts"]))
            .iter()
            .filter(|alert| alert["cleared_at"].is_null())
            .cloned()
            .collect()
    }

    /// The open alert with this code.
    ///
    /// # Panics
    /// When there is none.
    pub fn alert(&self, code: &str) -> Value {
        let alerts = self.alerts();
        let found = alerts.iter().find(|alert| alert["code"] == code);
        found.unwrap_or_else(|| panic!("no alert {code} in {alerts:#?}")).clone()
    }

    /// A mailbox as `mailbox show` gives it.
    pub fn mailbox(&self, address: &str) -> Value {
        let shown = self.data.json(["mailbox", "show", address]);
        // The detail has the mailbox inside, beside its last test and cycles.
        if shown["mailbox"].is_object() { shown["mailbox"].clone() } else { shown }
    }

    /// The health of one workload of one mailbox.
    pub fn health(&self, address: &str, workload: &str) -> Value {
        let health = self.data.json(["health"]);
        let found = array(&health["objects"])
            .iter()
            .find(|object| object["object"] == address && object["workload"] == workload);
        found.unwrap_or_else(|| panic!("no health of {address} {workload} in {health:#}")).clone()
    }

    /// Every file below the data folder, with its bytes.
    pub fn files(&self) -> Vec<(std::path::PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        collect(&self.data.path(), &mut found);
        found
    }
}

impl Mail {
    /// A plain text message.
    pub fn new(from: &str, to: &str, subject: &str, message_id: &str) -> Self {
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            subject: subject.to_owned(),
            message_id: message_id.to_owned(),
            headers: String::new(),
            body: format!("About {subject}."),
            attachment: None,
        }
    }

    /// Adds a header line.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers += &format!("{name}: {value}\r\n");
        self
    }

    /// Sets the text.
    #[must_use]
    pub fn body(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn attach(mut self, name: &str, content: &[u8]) -> Self {
        self.attachment = Some((name.to_owned(), content.to_vec()));
        self
    }

    /// The bytes.
    pub fn raw(&self) -> Vec<u8> {
        let Self { from, to, subject, message_id, headers, body, attachment } = self;
        let date = if headers.contains("Date:") { "" } else { "Date: Mon, 16 Nov 2026 10:00:00 +0000\r\n" };
        let head = format!(
            "From: {from}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{message_id}>\r\n{date}{headers}\
             MIME-Version: 1.0\r\n"
        );
        let Some((name, content)) = attachment else {
            return format!("{head}Content-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n").into_bytes();
        };
        use base64::Engine as _;
        let encoded = base64::engine::general_purpose::STANDARD.encode(content);
        let lines: Vec<_> = encoded.as_bytes().chunks(76).map(String::from_utf8_lossy).collect();
        format!(
            "{head}Content-Type: multipart/mixed; boundary=\"=-part\"\r\n\r\n--=-part\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n--=-part\r\n\
             Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment; filename=\"{name}\"\r\n\r\n{}\r\n--=-part--\r\n",
            lines.join("\r\n")
        )
        .into_bytes()
    }
}

/// The header of a raw message, its folded lines joined.
pub fn unfolded(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw).replace("\r\n", "\n");
    let head = text.split("\n\n").next().unwrap_or_default();
    head.replace("\n\t", " ").replace("\n ", " ")
}

/// The value of the first header line with this name, if there is one.
pub fn header(raw: &[u8], name: &str) -> Option<String> {
    unfolded(raw).lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

fn array(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("not a list: {value:#}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value:#}"))
}

fn collect(folder: &Path, found: &mut Vec<(std::path::PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if let Ok(bytes) = std::fs::read(&path) {
            found.push((path, bytes));
        }
    }
}
