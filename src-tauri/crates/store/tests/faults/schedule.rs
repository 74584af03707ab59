//! A random schedule of mail and of faults, the same for the same seed.

use crate::{
    clock::Asleep,
    servers::{BoxTrouble, Lost, Trouble},
    world::{MAILBOXES, address},
};
use std::time::Duration;

/// What happens.
#[derive(Debug, Clone)]
pub enum Event {
    Arrives { mailbox: usize, delay: Duration },
    Queue { mailbox: usize, recipients: Vec<String> },
    Site { side: usize, way: Side, trouble: Option<Trouble> },
    Box { mailbox: usize, trouble: Option<BoxTrouble> },
    NewPassword { mailbox: usize },
    Enter { mailbox: usize },
    CutAfter { side: usize, steps: u32 },
    Lose { side: usize, lost: Lost },
    Delay { by: Duration },
    SetClock { seconds: i64 },
    Sleep { length: Duration, asleep: Asleep },
    Stop { ending: Ending },
    Start,
}

/// Which servers of a site are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Incoming,
    Outgoing,
    Both,
}

/// How an engine ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Asked,
    Killed,
}

/// An event, and after how much time that the machine is awake.
pub type Planned = (Duration, Event);

/// So long faults begin.
pub const FAULTS: Duration = Duration::from_secs(3 * 3_600);

/// A random number generator of one's own, so that a seed means the same everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    /// From 0 up to, and not including, `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn seconds(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_secs(from + self.below(to - from))
    }

    fn mailbox(&mut self) -> usize {
        usize::try_from(self.below(MAILBOXES as u64)).unwrap()
    }

    fn side(&mut self) -> usize {
        usize::try_from(self.below(2)).unwrap()
    }
}

/// The schedule of a seed, in order.
pub fn schedule(seed: u64) -> Vec<Planned> {
    let random = &mut Random::new(seed);
    let mut planned = Vec::new();
    for _ in 0..15 + random.below(25) {
        let at = random.seconds(0, FAULTS.as_secs());
        let delay = random.seconds(0, 60);
        planned.push((at, Event::Arrives { mailbox: random.mailbox(), delay }));
    }
    for number in 0..8 + random.below(12) {
        let at = random.seconds(0, FAULTS.as_secs());
        let recipients = match random.below(4) {
            0 => vec![format!("outside{number}@fabrikam.test")],
            1 => vec![address(0), address(3)],
            _ => vec![address(random.mailbox())],
        };
        planned.push((at, Event::Queue { mailbox: random.mailbox(), recipients }));
    }
    let mut boxes: Vec<usize> = (0..MAILBOXES).collect();
    for _ in 0..6 + random.below(10) {
        fault(random, &mut boxes, &mut planned);
    }
    planned.sort_by_key(|(at, _)| *at);
    planned
}

fn fault(random: &mut Random, boxes: &mut Vec<usize>, planned: &mut Vec<Planned>) {
    let at = random.seconds(60, FAULTS.as_secs());
    let end = at + random.seconds(10, 40 * 60);
    match random.below(14) {
        0..=4 => {
            let trouble = match random.below(7) {
                0 | 1 => Trouble::Refused,
                2 => Trouble::Cut,
                3 => Trouble::Frozen,
                4 => Trouble::Dead,
                5 => Trouble::Slow(random.seconds(1, 25)),
                _ => Trouble::Patience(random.seconds(60, 1_200)),
            };
            let way = [Side::Incoming, Side::Outgoing, Side::Both][random.below(3) as usize];
            let side = random.side();
            planned.push((at, Event::Site { side, way, trouble: Some(trouble) }));
            planned.push((end, Event::Site { side, way, trouble: None }));
        }
        5 => {
            // Once for each, and not for long: ten failures in a row are a reason to stop.
            if boxes.is_empty() {
                return;
            }
            let mailbox = boxes.remove(random.below(boxes.len() as u64) as usize);
            let trouble = match random.below(2) {
                0 => BoxTrouble::InUse,
                _ => BoxTrouble::Throttled(random.seconds(300, 1_200)),
            };
            planned.push((at, Event::Box { mailbox, trouble: Some(trouble) }));
            planned.push((end.min(at + Duration::from_secs(30 * 60)), Event::Box { mailbox, trouble: None }));
        }
        6 | 7 => {
            let mailbox = random.mailbox();
            planned.push((at, Event::NewPassword { mailbox }));
            if random.below(3) > 0 {
                planned.push((end, Event::Enter { mailbox }));
            }
        }
        8 => {
            let steps = u32::try_from(random.below(8)).unwrap();
            planned.push((at, Event::CutAfter { side: random.side(), steps }));
        }
        9 => {
            let lost = if random.below(2) == 0 { Lost::Delivered } else { Lost::Dropped };
            planned.push((at, Event::Lose { side: random.side(), lost }));
            planned.push((at, Event::Delay { by: random.seconds(0, 90) }));
        }
        10 | 11 => {
            let length = i64::try_from(30 + random.below(7_200)).unwrap();
            let seconds = if random.below(2) == 0 { length } else { -length };
            planned.push((at, Event::SetClock { seconds }));
        }
        12 => {
            let asleep = if random.below(2) == 0 { Asleep::Counts } else { Asleep::Stands };
            planned.push((at, Event::Sleep { length: random.seconds(60, 8 * 3_600), asleep }));
        }
        _ => {
            let ending = if random.below(2) == 0 { Ending::Asked } else { Ending::Killed };
            planned.push((at, Event::Stop { ending }));
            planned.push((at + random.seconds(1, 1_800), Event::Start));
        }
    }
}
