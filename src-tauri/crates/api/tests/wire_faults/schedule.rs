//! A random schedule of mail and of faults on the wire, the same for the same seed.

use crate::{clock::Asleep, mailboxes::MAILBOXES};
use std::time::Duration;
use tandem_practice::{Fault, Pace, Stage};

/// What happens.
#[derive(Debug, Clone)]
pub enum Event {
    Arrives {
        mailbox: usize,
        lines: usize,
    },
    Queue {
        mailbox: usize,
        to: Vec<usize>,
    },
    /// A server does this wrong some times.
    Breaks {
        server: Server,
        stage: Stage,
        fault: Fault,
        times: u32,
    },
    /// A server does this wrong at whatever it is asked, until it ends.
    Down {
        server: Server,
        fault: Fault,
    },
    /// A server is this slow, until it ends.
    Slow {
        server: Server,
        pace: Pace,
    },
    Ends {
        server: Server,
    },
    NewPassword {
        mailbox: usize,
    },
    Enter {
        mailbox: usize,
    },
    SetClock {
        seconds: i64,
    },
    Sleep {
        length: Duration,
        asleep: Asleep,
    },
    Kill,
    Stop,
    Start,
}

/// One of the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    Pop3,
    Imap,
    /// That of a site.
    Smtp(usize),
}

/// An event, and after how much time that the machine is awake.
pub type Planned = (Duration, Event);

/// So long faults begin.
pub const FAULTS: Duration = Duration::from_secs(3_600);

/// A random number generator of one's own, so that a seed means the same everywhere.
struct Random(u64);

impl Random {
    /// From 0 up to, and not including, `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn seconds(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_secs(from + self.below(to - from))
    }

    fn index(&mut self, end: usize) -> usize {
        self.below(end as u64) as usize
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.index(all.len())].clone()
    }
}

/// The schedule of a seed, in order.
pub fn schedule(seed: u64) -> Vec<Planned> {
    let random = &mut Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x9d5c_24ae_b1e7_3f01);
    let mut planned = Vec::new();
    for _ in 0..10 + random.below(12) {
        let at = random.seconds(0, FAULTS.as_secs());
        // Small ones, and some that take more than one read.
        let lines = if random.below(4) == 0 { 2_000 } else { random.index(40) };
        planned.push((at, Event::Arrives { mailbox: random.index(MAILBOXES), lines }));
    }
    for _ in 0..6 + random.below(8) {
        let at = random.seconds(0, FAULTS.as_secs());
        let to = if random.below(3) == 0 { vec![0, 2] } else { vec![random.index(MAILBOXES)] };
        planned.push((at, Event::Queue { mailbox: random.index(MAILBOXES), to }));
    }
    for _ in 0..10 + random.below(10) {
        fault(random, &mut planned);
    }
    planned.sort_by_key(|(at, _)| *at);
    planned
}

fn fault(random: &mut Random, planned: &mut Vec<Planned>) {
    let at = random.seconds(30, FAULTS.as_secs());
    let end = at + random.seconds(30, 20 * 60);
    match random.below(16) {
        0..=7 => planned.push((at, breaks(random))),
        8 | 9 => {
            let server = any_server(random);
            let fault = random.one_of(&[Fault::Close, Fault::Hang, Fault::Reply(busy(server).to_owned())]);
            planned.push((at, Event::Down { server, fault }));
            planned.push((end, Event::Ends { server }));
        }
        10 => {
            let server = any_server(random);
            let bytes_per_second = random.one_of(&[None, Some(200_000)]);
            let pace = Pace { per_command: Duration::from_millis(random.below(30)), bytes_per_second };
            planned.push((at, Event::Slow { server, pace }));
            planned.push((at + random.seconds(30, 300), Event::Ends { server }));
        }
        11 => {
            let mailbox = random.index(MAILBOXES);
            planned.push((at, Event::NewPassword { mailbox }));
            if random.below(3) > 0 {
                planned.push((end, Event::Enter { mailbox }));
            }
        }
        12 => {
            let length = i64::try_from(30 + random.below(5_400)).unwrap();
            planned.push((at, Event::SetClock { seconds: random.one_of(&[length, -length]) }));
        }
        13 => {
            let asleep = random.one_of(&[Asleep::Counts, Asleep::Stands]);
            planned.push((at, Event::Sleep { length: random.seconds(60, 8 * 3_600), asleep }));
        }
        _ => {
            planned.push((at, random.one_of(&[Event::Kill, Event::Stop])));
            planned.push((at + random.seconds(1, 900), Event::Start));
        }
    }
}

fn any_server(random: &mut Random) -> Server {
    random.one_of(&[Server::Pop3, Server::Imap, Server::Smtp(0), Server::Smtp(1)])
}

/// The words with which a server asks for patience.
const fn busy(server: Server) -> &'static str {
    match server {
        Server::Pop3 => "-ERR [SYS/TEMP] try again later",
        Server::Imap => "* BYE [UNAVAILABLE] try again later",
        Server::Smtp(_) => "421 4.3.2 try again later",
    }
}

/// Something that goes wrong once or twice.
fn breaks(random: &mut Random) -> Event {
    let server = any_server(random);
    let times = 1 + u32::try_from(random.below(2)).unwrap();
    let reply = |text: &str| Fault::Reply(text.to_owned());
    let broken = [
        Fault::Close,
        Fault::Hang,
        Fault::Garbage,
        Fault::CutAfter(random.index(40)),
        Fault::CutAfter(60 + random.index(4_000)),
    ];
    let (stage, fault) = match server {
        Server::Imap => match random.below(6) {
            0 => (Stage::command("SELECT"), reply("NO [UNAVAILABLE] try again later")),
            1 => (Stage::command("FETCH"), reply("NO [LIMIT] too many requests")),
            // More is announced than is sent: the literal breaks off in the middle.
            2 => (Stage::command("FETCH"), Fault::Announce { octets: 90_000, sent: random.below(3_000) }),
            3 => (Stage::command("FETCH"), random.one_of(&broken)),
            4 => (Stage::Greeting, random.one_of(&broken)),
            _ => {
                let command =
                    random.one_of(&["LOGIN", "AUTHENTICATE", "SELECT", "SEARCH", "IDLE", "NOOP", "STORE"]);
                (Stage::command(command), random.one_of(&broken))
            }
        },
        Server::Pop3 => match random.below(5) {
            0 => (Stage::command("PASS"), reply("-ERR [IN-USE] another session has it")),
            1 => (Stage::command("RETR"), Fault::Announce { octets: 90_000, sent: random.below(3_000) }),
            2 => (Stage::command("RETR"), random.one_of(&broken)),
            3 => (Stage::Greeting, random.one_of(&broken)),
            _ => {
                let command = random.one_of(&["UIDL", "LIST", "STAT", "DELE", "QUIT", "AUTH", "CAPA"]);
                (Stage::command(command), random.one_of(&broken))
            }
        },
        Server::Smtp(_) => match random.below(7) {
            0 => (Stage::command("RCPT"), reply("450 4.2.1 greylisted")),
            1 => (Stage::command("MAIL"), reply("421 4.3.2 try again later")),
            2 => (Stage::command("DATA"), reply("451 4.3.0 local error")),
            3 => (Stage::BeforeDelivery, random.one_of(&[Fault::Close, Fault::Hang])),
            // Delivered, and the reply is lost.
            4 | 5 => (Stage::AfterDelivery, random.one_of(&[Fault::Close, Fault::Hang])),
            _ => {
                let command = random.one_of(&["EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"]);
                (Stage::command(command), random.one_of(&broken))
            }
        },
    };
    Event::Breaks { server, stage, fault, times }
}
