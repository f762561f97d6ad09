//! Which executions differ in more than the order of independent steps.
//!
//! Two executions are the same trace (Mazurkiewicz 1977) where every operation has seen the same
//! operations on its object before it. Each thread carries a hash of all it has done and of what
//! that depended on; the hashes of all threads together stand for the trace.

use conclint_schedule::Access;

use super::Exec;
use crate::cycles::Mixer;

/// For an object: its last write, and the reads since.
#[derive(Clone, Copy, Default)]
struct Entry {
    object: usize,
    write: u64,
    reads: u64,
}

/// The objects of an execution, open addressing.
#[derive(Default)]
pub(super) struct Chains {
    entries: Vec<Entry>,
    used: usize,
}

impl Chains {
    fn entry(&mut self, object: usize) -> Option<&mut Entry> {
        if self.used * 2 >= self.entries.len() {
            let larger = vec![Entry::default(); (self.entries.len() * 2).max(64)];
            let old = std::mem::replace(&mut self.entries, larger);
            for entry in old.into_iter().filter(|e| e.object != 0) {
                let at = self.find(entry.object);
                self.entries[at] = entry;
            }
        }
        let at = self.find(object);
        let entry = self.entries.get_mut(at)?;
        if entry.object == 0 {
            entry.object = object;
            self.used += 1;
        }
        Some(entry)
    }

    /// Where the object is, or would be. At least half of the entries are free.
    fn find(&self, object: usize) -> usize {
        let mask = self.entries.len() - 1;
        let mut at = (object >> 3).wrapping_mul(0x9e37_79b9) & mask;
        while self.entries[at].object != object && self.entries[at].object != 0 {
            at = (at + 1) & mask;
        }
        at
    }
}

impl Exec {
    /// The current thread takes its step.
    pub(super) fn step_taken(&mut self) {
        let task = &mut self.tasks[self.current];
        let op = task.op;
        let access = op.kind.access();
        let mut mixer = Mixer::default();
        mixer.add(task.chain);
        mixer.add(op.kind as u64);
        if access == Access::None || op.object == 0 {
            task.chain = mixer.finish();
            return;
        }
        let Some(entry) = self.chains.entry(op.object) else {
            return;
        };
        mixer.add(entry.write);
        if access == Access::Write {
            mixer.add(entry.reads);
            (entry.write, entry.reads) = (mixer.finish(), 0);
        } else {
            entry.reads = entry.reads.wrapping_add(mixer.finish());
        }
        task.chain = mixer.finish();
    }

    /// The trace that the execution was.
    pub(super) fn trace_hash(&self) -> u64 {
        let mut mixer = Mixer::default();
        for task in &self.tasks {
            mixer.add(task.chain);
        }
        mixer.finish()
    }
}
