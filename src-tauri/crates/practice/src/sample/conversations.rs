//! Ordinary mail: questions, answers, threads, and the daily flow of a small business.

use chrono::{DateTime, Duration, Utc};

use super::compose::Draft;
use super::{ALICIA, AMY, BEN, Person, RENE, SPENCER, SUPPORT, SampleMail, TANAKA};

pub(super) fn mail(now: DateTime<Utc>) -> Vec<SampleMail> {
    let mut mail = threads(now);
    mail.extend(singles(now));
    mail
}

/// Four conversations, each message an answer to the one before.
fn threads(now: DateTime<Utc>) -> Vec<SampleMail> {
    let mut mail = Vec::new();
    mail.extend(thread(
        now,
        "order-1",
        "Order 4711: delivery date",
        &[
            (&BEN, &AMY, 26 * 24, "Hello Amy,\n\nwhen will order 4711 be delivered?\n\nBen"),
            (&AMY, &BEN, 26 * 24 - 2, "Hello Ben,\n\nit leaves our warehouse on Thursday.\n\nAmy"),
            (&BEN, &AMY, 25 * 24, "Thursday is fine, thank you.\n\nBen"),
            (&BEN, &AMY, 22 * 24, "It has arrived, all complete. Many thanks!\n\nBen"),
        ],
    ));
    mail.extend(thread(
        now,
        "printer-1",
        "Printer shows error E-207",
        &[
            (
                &RENE,
                &SUPPORT,
                9 * 24,
                "Hello,\n\nour X200 shows E-207 since this morning. What can we do?\n\nRené Valdès",
            ),
            (
                &SUPPORT,
                &RENE,
                9 * 24 - 1,
                "Hello René,\n\nplease update the firmware to 3.2 and restart it.\n\nSupport",
            ),
            (&RENE, &SUPPORT, 8 * 24, "Updated, but it still shows E-207.\n\nRené"),
            (&SUPPORT, &RENE, 7 * 24, "A technician visits you tomorrow at 10.\n\nSupport"),
            (&RENE, &SUPPORT, 5 * 24, "Repaired. You can close the case.\n\nRené"),
        ],
    ));
    mail.extend(thread(
        now,
        "renewal-1",
        "Renewal of the maintenance contract",
        &[
            (
                &SPENCER,
                &BEN,
                6 * 24,
                "Hello Ben,\n\nyour contract ends next month. Shall I send an offer?\n\nSpencer",
            ),
            (&BEN, &SPENCER, 5 * 24 + 3, "Yes please, for two years.\n\nBen"),
            (&BEN, &SPENCER, 2 * 24, "One more wish: we now have twelve printers.\n\nBen"),
        ],
    ));
    mail.extend(thread(
        now,
        "visit-1",
        "Your visit next week",
        &[
            (&ALICIA, &TANAKA, 4 * 24, "Dear Yoko,\n\nI would like to visit you on Tuesday.\n\nAlicia"),
            (&TANAKA, &ALICIA, 3 * 24, "Dear Alicia,\n\nTuesday at 14:00 is good. See you then.\n\nYoko"),
        ],
    ));
    mail
}

type Turn<'a> = (&'a Person, &'a Person, i64, &'a str);

fn thread(now: DateTime<Utc>, id: &str, subject: &str, turns: &[Turn<'_>]) -> Vec<SampleMail> {
    let ids: Vec<String> = (0..turns.len()).map(|turn| format!("{id}-{turn}")).collect();
    let mut before: Vec<(&str, &Person)> = Vec::new();
    let mut mail = Vec::new();
    for ((from, to, hours_ago, text), own_id) in turns.iter().zip(&ids) {
        let when = (now, Duration::hours(*hours_ago));
        let draft = if before.is_empty() {
            Draft::new("first message of a conversation", own_id, when, from, &[to]).subject(subject)
        } else {
            let draft = Draft::new("answer in a conversation", own_id, when, from, &[to]);
            draft.subject(&format!("RE: {subject}")).answers(&before)
        };
        mail.push(draft.text(text).build());
        before.push((own_id, from));
    }
    mail
}

fn singles(now: DateTime<Utc>) -> Vec<SampleMail> {
    let plain: [(&str, &Person, &Person, i64, &str, &str); 12] = [
        (
            "hello",
            &BEN,
            &AMY,
            1,
            "Good morning",
            "Good morning Amy,\n\ndo you have five minutes today?\n\nBen",
        ),
        (
            "price",
            &RENE,
            &AMY,
            4,
            "Prices for 2027",
            "Hello Amy,\n\nplease send me the price list for next year.\n\nRené",
        ),
        (
            "toner",
            &BEN,
            &SUPPORT,
            6,
            "Toner is empty",
            "Hello,\n\nwe need two black cartridges for the X200.\n\nBen Burton",
        ),
        (
            "noise",
            &TANAKA,
            &SUPPORT,
            20,
            "Strange noise",
            "Hello,\n\nthe printer on our third floor squeaks.\n\nYoko Tanaka",
        ),
        ("paper", &RENE, &SUPPORT, 30, "Paper jam in tray 2", "Tray 2 jams on every tenth page.\n\nRené"),
        (
            "invoice",
            &BEN,
            &SPENCER,
            40,
            "Question about invoice 2203",
            "Line 3 appears twice, I think.\n\nBen",
        ),
        ("thanks", &TANAKA, &AMY, 50, "Thank you", "Thank you for the quick help on Friday.\n\nYoko"),
        (
            "address",
            &RENE,
            &SPENCER,
            70,
            "New delivery address",
            "We move to 12 Harbour Street on the first.\n\nRené",
        ),
        ("manual", &BEN, &SUPPORT, 100, "Manual for the X300", "Where do I find the manual?\n\nBen"),
        (
            "return",
            &TANAKA,
            &SUPPORT,
            150,
            "Return of a cartridge",
            "One cartridge was broken. How do I return it?\n\nYoko",
        ),
        ("lunch", &SPENCER, &AMY, 3, "Lunch", "At noon, the usual place?\n\nSpencer"),
        (
            "key",
            &ALICIA,
            &AMY,
            12,
            "Key of the showroom",
            "It is in the top drawer.\n.\nReally, there.\n\nAlicia",
        ),
    ];
    let build = |(id, from, to, hours, subject, text): (&str, &Person, &Person, i64, &str, &str)| {
        let shows = if id == "key" { "a line with only a dot" } else { "new mail" };
        Draft::new(shows, id, (now, Duration::hours(hours)), from, &[to]).subject(subject).text(text).build()
    };
    plain.into_iter().map(build).collect()
}
