//! Mail that software treats specially: newsletters, bounces, invitations, odd characters, attachments.

use chrono::{DateTime, Duration, Utc};

use super::compose::{Draft, base64_lines, file_part, lines, mailbox, message_id, text_part};
use super::{
    ALICIA, AMY, BEN, NEWSLETTER, OUR_DOMAIN, Person, PersonKind, RENE, SPENCER, SUPPORT, SampleMail, TANAKA,
};

/// "見積もりのお願い" (asking for an estimate) in ISO-2022-JP, base64.
const JAPANESE_SUBJECT: &str = "=?ISO-2022-JP?B?GyRCOCtAUSRiJGokTiQqNGokJBsoQg==?=";
/// "This is Tanaka of Fabrikam. Please send an estimate for the templates." in ISO-2022-JP.
const JAPANESE_TEXT: &[u8] =
    b"\x1b$B%U%!%V%j%+%`$NEDCf$G$9!#\x1b(B\r\n\x1b$B%F%s%W%l!<%H$N8+@Q$b$j$r$*4j$$$$$?$7$^$9!#\x1b(B\r\n";

const POSTMASTER: Person = Person {
    kind: PersonKind::Stranger,
    name: "Mail Delivery System",
    address: "mailer-daemon@contoso.practice",
};
const FORM: Person =
    Person { kind: PersonKind::Stranger, name: "Web form", address: "form@contoso.practice" };

pub(super) fn mail(now: DateTime<Utc>) -> Vec<SampleMail> {
    let mut mail = bodies(now);
    mail.extend(automatic(now));
    mail.extend(characters(now));
    mail
}

/// HTML, attachments, a message in two mailboxes, an invitation.
fn bodies(now: DateTime<Utc>) -> Vec<SampleMail> {
    let ago = |hours| (now, Duration::hours(hours));
    let html = "<!doctype html><html><body style=\"font-family: sans-serif\"><h1>Autumn offer</h1>\
        <p>All printers <b>10 % off</b> until Friday.</p>\n\
        <img src=\"https://images.fabrikam.practice/pixel.gif?reader=amy\" width=\"1\" height=\"1\" alt=\"\">\n\
        <p><a href=\"https://www.fabrikam.practice/offer\">Read more</a></p>\n\
        <script>document.title = 'must never run';</script></body></html>";
    let alternative = [
        text_part("text/plain; charset=utf-8", "Autumn offer\n\nAll printers 10 % off until Friday."),
        text_part("text/html; charset=utf-8", html),
    ];
    let list = "Article;Pieces;Price\r\nX200;1;199.00\r\nToner, black;2;49.00\r\n";
    let attached = [
        text_part("text/plain; charset=utf-8", "Hello Amy,\n\nthe order is attached.\n\nBen"),
        file_part("text/csv", "order.csv", list.as_bytes()),
        file_part("application/pdf", "Auftragsbestätigung.pdf", &small_pdf()),
    ];
    let photos = [
        text_part("text/plain; charset=utf-8", "Two photos of the damage."),
        file_part("image/png", "photo 1.png", PIXEL),
        file_part("image/png", "photo 2.png", PIXEL),
    ];
    vec![
        Draft::new("HTML with a remote image and a script", "offer", ago(5), &BEN, &[&AMY])
            .subject("Autumn offer")
            .parts("alternative", &alternative)
            .build(),
        Draft::new("attachments, one with an umlaut in its name", "order-file", ago(28), &BEN, &[&AMY])
            .subject("Order with attachment")
            .parts("mixed", &attached)
            .build(),
        Draft::new("image attachments", "damage", ago(33), &TANAKA, &[&SUPPORT])
            .subject("Damaged cartridge")
            .parts("mixed", &photos)
            .build(),
        Draft::new("one message in two mailboxes", "both", ago(10), &BEN, &[&AMY, &SUPPORT])
            .subject("To Amy and Support: printer of Fabrikam")
            .text("Hello Amy, hello Support,\n\nwho of you comes on Monday?\n\nBen")
            .build(),
        Draft::new(
            "one message in three mailboxes",
            "all-hands",
            ago(52),
            &SPENCER,
            &[&AMY, &ALICIA, &SUPPORT],
        )
        .subject("Team meeting moved to 11:00")
        .text("The meeting is at 11:00 today.\n\nSpencer")
        .build(),
        invitation(now),
    ]
}

fn invitation(now: DateTime<Utc>) -> SampleMail {
    let start = now + Duration::days(2);
    let stamp = |at: DateTime<Utc>| at.format("%Y%m%dT%H%M%SZ").to_string();
    let calendar = format!(
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Tandem practice//EN\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:visit-1@fabrikam.practice\n\
         DTSTAMP:{}\nDTSTART:{}\nDTEND:{}\nSUMMARY:Review of the contract\nLOCATION:Fabrikam\\, room 4\n\
         ORGANIZER;CN=Ben Burton:mailto:{}\nATTENDEE;CN=Amy Alberts;RSVP=TRUE:mailto:{}\nSEQUENCE:0\nEND:VEVENT\nEND:VCALENDAR",
        stamp(now),
        stamp(start),
        stamp(start + Duration::hours(1)),
        BEN.address,
        AMY.address
    );
    let parts = [
        text_part("text/plain; charset=utf-8", "Review of the contract, Fabrikam, room 4."),
        text_part("text/calendar; charset=utf-8; method=REQUEST", &calendar),
    ];
    Draft::new("invitation", "invitation", (now, Duration::hours(8)), &BEN, &[&AMY])
        .subject("Review of the contract")
        .parts("alternative", &parts)
        .build()
}

/// Newsletters, automatic replies, delivery reports.
fn automatic(now: DateTime<Utc>) -> Vec<SampleMail> {
    let ago = |hours| (now, Duration::hours(hours));
    let news = |number: i64, to: &[&Person]| {
        let id = format!("news-{number}");
        Draft::new("newsletter", &id, ago(number * 24 * 7 - 60), &NEWSLETTER, to)
            .subject(&format!("Fabrikam News, issue {number}"))
            .with("List-Id", "Fabrikam News <news.fabrikam.practice>")
            .with("List-Unsubscribe", "<mailto:news@fabrikam.practice?subject=unsubscribe>")
            .with("Precedence", "bulk")
            .text("The news of this week.\n\nTo unsubscribe, answer with \"unsubscribe\".")
            .build()
    };
    vec![
        news(1, &[&AMY, &SPENCER]),
        news(2, &[&AMY]),
        news(3, &[&AMY]),
        Draft::new("automatic reply", "away", ago(5 * 24 + 20), &RENE, &[&SUPPORT])
            .subject("Automatic reply: Printer shows error E-207")
            .answers(&[("printer-1-3", &SUPPORT)])
            .with("Auto-Submitted", "auto-replied")
            .with("X-Auto-Response-Suppress", "All")
            .text("I am out of the office until Monday.\n\nRené Valdès")
            .build(),
        bounce(now),
        Draft::new("message without Message-ID", "no-id", ago(60), &FORM, &[&SUPPORT])
            .without("Message-ID")
            .subject("Contact form")
            .text("Name: Ben Burton\nQuestion: Do you repair other brands?")
            .build(),
    ]
}

/// A delivery status notification (RFC 3464) about a mail of Amy's.
fn bounce(now: DateTime<Utc>) -> SampleMail {
    let original = message_id("to-nobody", &AMY);
    let returned = format!(
        "Content-Type: message/rfc822\r\n\r\nFrom: {}\r\nTo: <nobody@fabrikam.practice>\r\nSubject: Are you there?\r\n\
         Message-ID: {original}\r\n\r\nHello?\r\n",
        mailbox(&AMY)
    );
    let parts = [
        text_part(
            "text/plain; charset=utf-8",
            "Your message could not be delivered to nobody@fabrikam.practice: there is no such mailbox.",
        ),
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mail.contoso.practice\r\n\r\n\
         Final-Recipient: rfc822; nobody@fabrikam.practice\r\nAction: failed\r\nStatus: 5.1.1\r\n\
         Diagnostic-Code: smtp; 550 5.1.1 no such mailbox\r\n"
            .to_owned(),
        returned,
    ];
    Draft::new("undeliverable", "bounce", (now, Duration::hours(26)), &POSTMASTER, &[&AMY])
        .subject("Undelivered Mail Returned to Sender")
        .with("Auto-Submitted", "auto-replied")
        .with("In-Reply-To", &original)
        .parts("report; report-type=delivery-status", &parts)
        .build()
}

/// Subjects and texts beyond ASCII, and a very long subject.
fn characters(now: DateTime<Utc>) -> Vec<SampleMail> {
    let ago = |hours| (now, Duration::hours(hours));
    let long = "This subject is long because somebody wrote the whole question into it and then some more, \
                so that every program that shows subjects in one line can show what it does with it. "
        .repeat(3);
    vec![
        Draft::new("Japanese in ISO-2022-JP", "estimate", ago(16), &TANAKA, &[&AMY])
            .with("Subject", JAPANESE_SUBJECT)
            .body("text/plain; charset=ISO-2022-JP", "7bit", JAPANESE_TEXT.to_vec())
            .build(),
        Draft::new("emoji", "emoji", ago(2), &RENE, &[&AMY])
            .subject("🎉 Le contrat est signé 🎉")
            .text("Félicitations à toute l'équipe ! 🎉👩🏽‍💻\n\nRené")
            .build(),
        Draft::new("unencoded 8-bit subject", "raw-8bit", ago(18), &BEN, &[&SUPPORT])
            .with("Subject", "Grüße aus München, Störung am Drucker")
            .text("Der Drucker druckt nur noch grün.\n\nBen")
            .build(),
        Draft::new("windows-1252 in quoted-printable", "cp1252", ago(44), &RENE, &[&SPENCER])
            .with("Subject", "=?windows-1252?Q?Devis_=96_200_=80?=")
            .body(
                "text/plain; charset=windows-1252",
                "quoted-printable",
                lines("Bonjour,\n\nle devis est de 200 =80.\n\nRen=E9").into_bytes(),
            )
            .build(),
        Draft::new("very long subject", "long", ago(36), &BEN, &[&SUPPORT])
            .subject(long.trim())
            .text("See above.")
            .build(),
        Draft::new("text in base64", "base64", ago(62), &TANAKA, &[&ALICIA])
            .subject(&format!("Meeting at {OUR_DOMAIN}"))
            .body(
                "text/plain; charset=utf-8",
                "base64",
                base64_lines("会議は三時です。\r\n".as_bytes()).into_bytes(),
            )
            .build(),
    ]
}

/// A PNG of one pixel.
const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";

fn small_pdf() -> Vec<u8> {
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
      3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
        .to_vec()
}
