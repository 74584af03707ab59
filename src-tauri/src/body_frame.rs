//! Serves mail bodies to their frame, under a policy of their own: nothing is loaded, nothing runs.

use crate::state::Shell;
use tandem_api::wire::ApiError;
use tauri::{
    Manager, UriSchemeContext, UriSchemeResponder, Wry, async_runtime,
    http::{Request, Response, StatusCode, header},
};

/// `mailbody://localhost/ID?text=150`, where text is the window's text size in percent; on Windows and Android `http://mailbody.localhost/ID`.
pub const SCHEME: &str = "mailbody";

/// Pictures only from the document itself; no script, no form, no frame, no address of its own.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; sandbox";

/// Answers a request of the frame.
#[expect(clippy::needless_pass_by_value, reason = "the signature is Tauri's")]
pub fn serve(context: UriSchemeContext<'_, Wry>, request: Request<Vec<u8>>, responder: UriSchemeResponder) {
    let app = context.app_handle().clone();
    let id = email_id(request.uri().path());
    let larger = larger(request.uri().query());
    async_runtime::spawn(async move {
        let answer = match body(&app.state::<Shell>(), id).await {
            Ok(html) => page(StatusCode::OK, html + &larger),
            Err(error) => page(StatusCode::NOT_FOUND, notice(&error) + &larger),
        };
        responder.respond(answer);
    });
}

async fn body(shell: &Shell, id: String) -> Result<String, ApiError> {
    Ok(shell.program().await?.email_body(&id).await?.html)
}

fn page(status: StatusCode, html: String) -> Response<Vec<u8>> {
    let mut response = Response::new(html.into_bytes());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, header::HeaderValue::from_static(value));
    }
    response
}

fn notice(error: &ApiError) -> String {
    let text = format!("{} {}", error.message, error.remedy);
    let safe = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<!doctype html><meta charset=\"utf-8\"><p style=\"font: 14px sans-serif\">{safe}</p>")
}

/// Makes a page as large as the window's text. The frame has a document of its own, which inherits nothing.
fn larger(query: Option<&str>) -> String {
    let size = query.and_then(|query| query.strip_prefix("text=")).and_then(|size| size.parse::<u16>().ok());
    match size.filter(|size| (101..=400).contains(size)) {
        Some(size) => format!("<style>html {{ zoom: {size}% }}</style>"),
        None => String::new(),
    }
}

/// The path without its slash, percent-decoded. Ids are plain words, so anything else finds no email.
fn email_id(path: &str) -> String {
    let mut bytes = path.strip_prefix('/').unwrap_or(path).bytes();
    let mut id = Vec::new();
    while let Some(byte) = bytes.next() {
        let decoded = (byte == b'%')
            .then(|| {
                let high = char::from(bytes.clone().next()?).to_digit(16)?;
                let low = char::from(bytes.clone().nth(1)?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()
            })
            .flatten();
        if decoded.is_some() {
            bytes.nth(1);
        }
        id.push(decoded.unwrap_or(byte));
    }
    String::from_utf8_lossy(&id).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_id_is_read_and_a_broken_escape_is_kept() {
        assert_eq!(email_id("/0b9f%2D7"), "0b9f-7");
        assert_eq!(email_id("/100%"), "100%");
        assert_eq!(email_id("/%zz%4"), "%zz%4");
    }

    #[test]
    fn a_body_is_as_large_as_the_windows_text() {
        assert_eq!(larger(Some("text=200")), "<style>html { zoom: 200% }</style>");
        for usual in
            [None, Some(""), Some("text=100"), Some("text=1e9"), Some("text=9999"), Some("text=2</style>")]
        {
            assert_eq!(larger(usual), "", "{usual:?}");
        }
    }

    #[test]
    fn a_body_is_served_under_a_policy_that_loads_and_runs_nothing() {
        let answer = page(StatusCode::OK, "<p>Hello</p>".to_owned());
        let policy = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"));
        assert!(!policy.contains("script"));
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
    }

    #[test]
    fn what_went_wrong_is_text_in_the_frame() {
        let error = ApiError {
            code: "not_found".to_owned(),
            message: "<script>alert(1)</script>".to_owned(),
            remedy: String::new(),
            object: String::new(),
            server_said: None,
            retry_at: None,
            certificate: None,
        };
        assert!(!notice(&error).contains("<script>"));
    }
}
