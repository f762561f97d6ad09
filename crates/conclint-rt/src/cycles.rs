//! Finds out that a program repeats itself: livelock.
//!
//! Under the fair scheduler, which is deterministic, a program that comes back to a state it was in
//! before never ends. The state is what every thread is about to do, what lies on its stack and in
//! its registers, and the values of the atomics that changed meanwhile. What changes unseen
//! (guarded data, messages, a look at the clock) makes the search begin anew, so a repetition is
//! missed rather than made up; only a count kept in plain memory of the heap can be overlooked.

use std::arch::asm;
use std::cell::Cell;
use std::collections::BTreeSet;

use conclint_schedule::Rng;

use crate::exec::with;

thread_local! {
    /// Stacks are being looked at.
    pub(crate) static WATCHED: Cell<bool> = const { Cell::new(false) };
}

/// A small fast hash.
#[derive(Default)]
pub(crate) struct Mixer(u64);

impl Mixer {
    pub(crate) fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    pub(crate) fn finish(&self) -> u64 {
        self.0
    }
}

/// Brent's algorithm over the states of an execution.
#[derive(Default)]
pub(crate) struct Cycles {
    /// The state that the following ones are compared with.
    anchor: u64,
    /// Steps since then, and after how many the anchor moves on.
    length: u64,
    power: u64,
    /// The values of the atomics that changed, folded.
    values: u64,
    /// Threads that have changed anything since the anchor.
    movers: BTreeSet<usize>,
    /// The turns are drawn from now on; see [`Cycles::shake`].
    drawn: Option<Drawn>,
}

/// Turns that are drawn.
struct Drawn {
    rng: Rng,
    /// Up to which step.
    until: u64,
    /// Threads that had only looked until then.
    lookers: Vec<usize>,
}

/// For how many steps turns are drawn before a repetition is believed.
const SHAKEN: u64 = 20_000;

/// Shorter repetitions than this prove nothing about a step whose effect comes later.
const REPEATED: u64 = 2;

impl Cycles {
    /// The next state. `true` where it is the anchor's.
    pub(crate) fn step(&mut self, state: u64) -> bool {
        let mut mixer = Mixer(state);
        mixer.add(self.values);
        let state = mixer.finish();
        self.length += 1;
        if self.power > 0 && self.length >= REPEATED && state == self.anchor {
            return true;
        }
        if self.length >= self.power {
            self.anchor = state;
            self.movers.clear();
            self.length = 0;
            self.power = (self.power * 2).max(16);
        }
        false
    }

    /// A thread has changed something.
    pub(crate) fn moved(&mut self, thread: usize) {
        self.movers.insert(thread);
    }

    /// Turns that go round and round can keep a thread from a lock that others take and give back
    /// all the time: it always comes when the lock is taken. That is no livelock, since no machine
    /// runs in such step. So where some of those who can `move` change things and others only look,
    /// the turns are drawn for a while. `false` where a repetition is to be believed.
    pub(crate) fn shake(&mut self, moving: impl Iterator<Item = usize>, step: u64) -> bool {
        let (movers, lookers): (Vec<usize>, Vec<usize>) =
            moving.partition(|id| self.movers.contains(id));
        if movers.is_empty() || lookers.is_empty() {
            return false;
        }
        self.drawn = Some(Drawn {
            rng: Rng::new(0, 0),
            until: step + SHAKEN,
            lookers,
        });
        true
    }

    /// Turns are drawn: whose it is, of so many. `None`: they go round.
    pub(crate) fn draw(&mut self, count: usize) -> Option<usize> {
        let drawn = self.drawn.as_mut()?;
        (count > 0).then(|| drawn.rng.below(count))
    }

    /// Whether, by this step, drawing the turns has helped nobody; `None` where they go round.
    pub(crate) fn in_vain(&self, step: u64) -> Option<bool> {
        let drawn = self.drawn.as_ref()?;
        let helped = drawn.lookers.iter().any(|id| self.movers.contains(id));
        Some(step >= drawn.until && !helped)
    }

    /// Something changed that is not part of the state.
    pub(crate) fn unseen(&mut self) {
        // No later state equals the anchor any more.
        self.values = self.values.wrapping_add(0x9e37_79b9_7f4a_7c15);
    }

    /// An atomic changed.
    pub(crate) fn changed(&mut self, object: usize, old: u64, new: u64) {
        let fold = |value: u64| {
            let mut mixer = Mixer(object as u64);
            mixer.add(value);
            mixer.finish()
        };
        self.values ^= fold(old) ^ fold(new);
    }
}

/// Takes down what lies on the current thread's stack.
#[inline(never)]
pub(crate) fn look() {
    scrub();
    take();
}

#[inline(never)]
fn take() {
    let mut registers = [0_u64; 6];
    let sp: usize;
    // SAFETY: only stores the registers that a call preserves, and reads the stack pointer.
    unsafe {
        asm!(
            "mov [{0}], rbx",
            "mov [{0} + 8], rbp",
            "mov [{0} + 16], r12",
            "mov [{0} + 24], r13",
            "mov [{0} + 32], r14",
            "mov [{0} + 40], r15",
            "mov {1}, rsp",
            in(reg) registers.as_mut_ptr(),
            lateout(reg) sp,
            options(nostack),
        );
    }
    // Registers that this function itself uses are the caller's on the stack, above `sp`.
    let mut hasher = Mixer::default();
    for register in registers {
        hasher.add(register);
    }
    with(|x| {
        let task = &mut x.tasks[x.current];
        let base = task.stack_base;
        let mut at = sp;
        while at + 8 <= base {
            // SAFETY: the words between the stack pointer and the base of the running stack are
            // mapped and not written meanwhile, except by this function's own frame.
            let word = unsafe { (at as *const u64).read_volatile() };
            hasher.add(word);
            at += 8;
        }
        task.stack_hash = hasher.finish();
    });
}

/// Overwrites what the runtime's own calls have left below the stack pointer, so that stale words
/// do not tell one state from another.
#[inline(never)]
pub(crate) fn scrub() {
    let mut words = [0_u64; 512];
    std::hint::black_box(&mut words);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repetition_is_found_once_it_is_one() {
        let mut cycles = Cycles::default();
        assert!(!(0..1000_u64).any(|n| cycles.step(n)));
        let mut cycles = Cycles::default();
        assert!((0..1000_u64).any(|n| cycles.step(n % 7)));
    }

    /// The repetition is believed where all take part in it, and where drawing turns helps nobody.
    #[test]
    fn who_only_looks_gets_drawn_turns_first() {
        let shaken = |movers: &[usize]| {
            let mut cycles = Cycles::default();
            movers.iter().for_each(|id| cycles.moved(*id));
            let shaken = cycles.shake([0, 1, 2].into_iter(), 100);
            (shaken, cycles)
        };
        assert!(!shaken(&[]).0 && !shaken(&[0, 1, 2]).0);
        let mut cycles = Cycles::default();
        (0..3).for_each(|id| cycles.moved(id));
        assert!((0..1000).any(|n| {
            cycles.moved(1);
            cycles.step(n % 7)
        }));
        assert!(cycles.shake(0..3, 100), "what came before the repetition");
        let (shaken, mut cycles) = shaken(&[1]);
        assert!(shaken);
        let drawn: BTreeSet<_> = (0..100).map(|_| cycles.draw(3)).collect();
        assert_eq!(drawn, (0..3).map(Some).collect());
        assert_eq!(cycles.in_vain(101), Some(false));
        assert_eq!(cycles.in_vain(100 + SHAKEN), Some(true));
        cycles.moved(2);
        assert_eq!(cycles.in_vain(100 + SHAKEN), Some(false));
    }

    #[test]
    fn unseen_changes_hide_it() {
        let mut cycles = Cycles::default();
        let repeats = (0..1000_u64).any(|n| {
            if n % 7 == 0 {
                cycles.unseen();
            }
            cycles.step(n % 7)
        });
        assert!(!repeats);
    }

    #[test]
    fn values_count() {
        let mut cycles = Cycles::default();
        let repeats = (0..1000_u64).any(|n| {
            cycles.changed(8, n, n + 1);
            cycles.step(0)
        });
        assert!(!repeats);
        let mut cycles = Cycles::default();
        let repeats = (0..1000_u64).any(|n| {
            cycles.changed(8, n % 2, (n + 1) % 2);
            cycles.step(0)
        });
        assert!(repeats);
    }
}
