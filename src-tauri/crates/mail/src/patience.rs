//! Servers that ask for patience and say for how long, in words: no protocol has a field for it.
//!
//! Only a time that stands with words such as "again in" or "backoff" counts. Limits and time-outs are told in minutes
//! too ("100 messages per 60 minutes", "closed after 300 seconds"), and are no wish to wait.

use chrono::Duration;
use tandem_domain::failure::{Failure, FailureCode, Nature};

/// Longer waits than this are taken for this one: somebody may have mended it by then.
const LONGEST_HOURS: i64 = 24;
/// This far before a time may the word stand that makes it a wish.
const REACH: usize = 5;

/// The failure with the wait that its text asks for, where it is one that passes by waiting.
pub fn heeded(failure: Failure) -> Failure {
    use FailureCode::{
        Greylisted, MailboxInUse, QuotaExceeded, RecipientsRefused, ServerRefused, ServerUnavailable,
        Throttled, TooManyLogins, TooManyRecipients,
    };
    let passes = failure.nature == Nature::Transient
        && matches!(
            failure.code,
            Throttled
                | ServerUnavailable
                | ServerRefused
                | MailboxInUse
                | QuotaExceeded
                | RecipientsRefused
                | Greylisted
                | TooManyLogins
                | TooManyRecipients
        );
    match named_wait(&failure.server_said).filter(|_| passes && failure.retry_after.is_none()) {
        Some(wait) => failure.after(wait),
        None => failure,
    }
}

/// The time that a text asks to wait.
pub fn named_wait(text: &str) -> Option<Duration> {
    let lower = text.to_ascii_lowercase();
    let is_between =
        |c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | ';' | ':' | '=' | '.' | '"' | '[' | ']');
    let words: Vec<&str> = lower.split(is_between).filter(|word| !word.is_empty()).collect();
    (0..words.len()).find_map(|at| {
        let (wait, last) = time_at(&words, at)?;
        let before = words.get(at.saturating_sub(REACH)..at).unwrap_or_default();
        // "Exceeded the login limit for a 15 minute period."
        let is_period = words.get(last + 1) == Some(&"period");
        (is_period || before.iter().any(|word| asks(word))).then_some(wait)
    })
}

fn asks(word: &str) -> bool {
    const WISHES: [&str; 11] = [
        "again",
        "retry",
        "retrying",
        "wait",
        "backoff",
        "back-off",
        "delay",
        "later",
        "least",
        "reconnect",
        "come",
    ];
    WISHES.contains(&word) || word.starts_with("greylist") || word.starts_with("graylist")
}

/// The time that starts with this word, `300 seconds` or `300s`, and the index of its last word.
fn time_at(words: &[&str], at: usize) -> Option<(Duration, usize)> {
    let word = words.get(at)?;
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let number: i64 = word.get(..digits)?.parse().ok()?;
    let (unit, last) = match word.get(digits..)? {
        "" => (*words.get(at + 1)?, at + 1),
        unit => (unit, at),
    };
    let milliseconds = match unit {
        "ms" | "msec" | "milliseconds" | "millisecond" => 1,
        "s" | "sec" | "secs" | "second" | "seconds" => 1_000,
        "m" | "min" | "mins" | "minute" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        _ => return None,
    };
    let longest = Duration::hours(LONGEST_HOURS);
    let wait = Duration::try_milliseconds(number.checked_mul(milliseconds)?)?;
    Some((wait.clamp(Duration::seconds(1), longest), last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_wait_is_found_and_other_times_are_not() {
        for (text, seconds) in [
            ("BAD Request is throttled. Suggested Backoff Time: 299923 milliseconds", Some(299)),
            ("450 4.2.0 <bo@x.test>: Recipient address rejected: Greylisted, see http://x.test/?a=1", None),
            ("451 4.7.1 Greylisting in action, please come back in 5 minutes", Some(300)),
            ("450 4.7.1 You are greylisted, try again in 00:04:58", None),
            ("421 4.7.0 Try again later, closing connection.", None),
            ("421 4.7.0 Too many connections, retry after 90 s", Some(90)),
            ("451 try again in 10min.", Some(600)),
            (
                "-ERR [LOGIN-DELAY] minimum time between mail checks (must be at least 30 seconds apart)",
                Some(30),
            ),
            (
                "-ERR Exceeded the login limit for a 15 minute period. Reduce the frequency of requests.",
                Some(900),
            ),
            ("NO [LIMIT] please wait 2 hours", Some(7_200)),
            ("wait 999999999999 hours", Some(86_400)),
            ("wait 99999999999999999999 hours", None),
            ("wait 0 seconds", Some(1)),
            // No wishes.
            ("421 4.4.2 mail.test Error: timeout exceeded after 300 seconds", None),
            ("450 4.7.1 more than 100 messages in 60 minutes", None),
            ("BYE Disconnected for inactivity (30 minutes)", None),
            ("wait", None),
            ("", None),
        ] {
            assert_eq!(named_wait(text).map(|wait| wait.num_seconds()), seconds, "{text}");
        }
    }

    #[test]
    fn only_what_passes_by_waiting_is_waited_for() {
        let said = "try again in 5 minutes";
        let waits = heeded(Failure::transient_mailbox(FailureCode::Throttled, said));
        assert_eq!(waits.retry_after, Some(Duration::minutes(5)));
        let told = Failure::transient_mailbox(FailureCode::Throttled, said).after(Duration::minutes(9));
        assert_eq!(heeded(told).retry_after, Some(Duration::minutes(9)), "the server has said it better");
        for failure in [
            Failure::permanent_mailbox(FailureCode::AuthenticationFailed, said),
            Failure::transient_profile(FailureCode::ProtocolViolation, said),
        ] {
            assert_eq!(heeded(failure).retry_after, None);
        }
    }
}
