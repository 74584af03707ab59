//! SASL exchanges as the three protocols share them (RFC 4616 PLAIN).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The user name and password in a base64 PLAIN response, or nothing if it is malformed.
pub(crate) fn plain(response: &str) -> Option<(String, String)> {
    let decoded = STANDARD.decode(response.trim()).ok()?;
    let mut parts = decoded.split(|byte| *byte == 0);
    let _authorize_as = parts.next()?;
    let user = String::from_utf8(parts.next()?.to_vec()).ok()?;
    let password = String::from_utf8(parts.next()?.to_vec()).ok()?;
    if parts.next().is_some() || user.is_empty() {
        return None;
    }
    Some((user, password))
}

/// One base64 line of AUTH LOGIN as text.
pub(crate) fn login_line(response: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(response.trim()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_response_without_both_separators_is_refused() {
        assert_eq!(plain(&STANDARD.encode("\0amy\0pass")), Some(("amy".into(), "pass".into())));
        assert_eq!(plain(&STANDARD.encode("amy\0pass")), None);
        assert_eq!(plain("not base64!"), None);
    }
}
