//! What a forked child leaves in memory it shares with its supervisor, so that a crash, an
//! `abort` or a hang still tells how far the execution came.

use std::panic::Location;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use conclint_schedule::Deviation;

/// Room for the deviations of one execution.
const DEVIATIONS: usize = 1 << 18;
/// Room for a child's report.
const TEXT: usize = 1 << 24;
/// Room for a strategy's saved state.
const SAVED: usize = 1 << 16;

#[repr(C)]
pub(crate) struct Journal {
    /// Steps of the execution that is running.
    pub steps: AtomicU64,
    /// All steps of the child.
    pub total_steps: AtomicU64,
    /// Number of the execution that is running.
    pub execution: AtomicU64,
    /// Executions that have ended.
    pub finished: AtomicU64,
    /// Bits of the settings of the execution that is running.
    pub flags: AtomicU64,
    /// Address of the `Location` of the last operation.
    pub last: AtomicU64,
    /// Which call that leaves the program ended the child; see `outside`.
    pub outside: AtomicU64,
    /// Lowest address of the stack that is running.
    pub stack: AtomicU64,
    /// The running stack was used up.
    pub overflow: AtomicU64,
    /// The test's own thread unwinds from a panic.
    pub failing: AtomicU64,
    /// 1 once the child's report is complete.
    pub done: AtomicU64,
    count: AtomicU64,
    text_len: AtomicU64,
    saved_len: AtomicU64,
    deviations: [Deviation; DEVIATIONS],
    saved: [u32; SAVED],
    text: [u8; TEXT],
}

static SHARED: AtomicPtr<Journal> = AtomicPtr::new(std::ptr::null_mut());

/// Maps the journal. Called once, before the first fork.
pub(crate) fn map() -> bool {
    // SAFETY: a fresh anonymous mapping; all-zero is a valid `Journal`.
    let memory = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            size_of::<Journal>(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if memory == libc::MAP_FAILED {
        return false;
    }
    SHARED.store(memory.cast(), Ordering::Relaxed);
    true
}

fn pointer() -> Option<*mut Journal> {
    let pointer = SHARED.load(Ordering::Relaxed);
    (!pointer.is_null()).then_some(pointer)
}

/// The counters.
pub(crate) fn get() -> Option<&'static Journal> {
    // SAFETY: mapped for the life of the process; what is not atomic is only touched by pointer
    // and by one process at a time.
    pointer().map(|p| unsafe { &*p })
}

/// A step is about to be taken.
#[inline]
pub(crate) fn heartbeat(steps: u64, at: &'static Location<'static>) {
    if let Some(journal) = get() {
        journal.steps.store(steps, Ordering::Relaxed);
        let address = std::ptr::from_ref(at) as u64;
        journal.last.store(address, Ordering::Relaxed);
    }
}

/// The test's own thread begins to unwind from a panic, or has caught it.
pub(crate) fn failing(now: bool) {
    if let Some(journal) = get() {
        journal.failing.store(u64::from(now), Ordering::Relaxed);
    }
}

/// Another stack is about to run.
pub(crate) fn stack(limit: usize) {
    if let Some(journal) = get() {
        journal.stack.store(limit as u64, Ordering::Relaxed);
    }
}

/// Starts the record of an execution.
pub(crate) fn begin(execution: u64, flags: u64) {
    if let Some(journal) = get() {
        journal.execution.store(execution, Ordering::Relaxed);
        journal.flags.store(flags, Ordering::Relaxed);
        journal.count.store(0, Ordering::Relaxed);
        journal.last.store(0, Ordering::Relaxed);
        journal.overflow.store(0, Ordering::Relaxed);
        journal.failing.store(0, Ordering::Relaxed);
        journal.steps.store(0, Ordering::Relaxed);
    }
}

/// The schedule left the default.
pub(crate) fn deviation(deviation: Deviation) {
    let (Some(journal), Some(pointer)) = (get(), pointer()) else {
        return;
    };
    let count = journal.count.load(Ordering::Relaxed) as usize;
    if count < DEVIATIONS {
        // SAFETY: within the array, and only this process writes now.
        unsafe { (&raw mut (*pointer).deviations[count]).write(deviation) };
        // conclint: allow(non-atomic-update) only one thread of one process writes
        journal.count.store(count as u64 + 1, Ordering::Relaxed);
    }
}

/// The deviations of the last execution.
pub(crate) fn deviations() -> Vec<Deviation> {
    let (Some(journal), Some(pointer)) = (get(), pointer()) else {
        return Vec::new();
    };
    let count = (journal.count.load(Ordering::Relaxed) as usize).min(DEVIATIONS);
    // SAFETY: the first `count` entries have been written, by a child that has ended.
    (0..count)
        .map(|i| unsafe { (&raw const (*pointer).deviations[i]).read() })
        .collect()
}

/// Where the last operation was.
pub(crate) fn last() -> Option<&'static Location<'static>> {
    let address = get()?.last.load(Ordering::Relaxed) as usize as *const Location<'static>;
    // SAFETY: a child of this very image stored the address of a `'static` location.
    unsafe { address.as_ref() }
}

/// Leaves the child's report.
pub(crate) fn write(text: &str) {
    let (Some(journal), Some(pointer)) = (get(), pointer()) else {
        return;
    };
    let length = text.len().min(TEXT);
    // SAFETY: within the array, and only this process writes now.
    unsafe {
        (&raw mut (*pointer).text)
            .cast::<u8>()
            .copy_from_nonoverlapping(text.as_ptr(), length);
    }
    journal.text_len.store(length as u64, Ordering::Relaxed);
    journal.done.store(1, Ordering::SeqCst);
}

/// The report of a child that has ended, if it left one.
pub(crate) fn read() -> Option<String> {
    let (journal, pointer) = (get()?, pointer()?);
    if journal.done.swap(0, Ordering::SeqCst) == 0 {
        return None;
    }
    let length = (journal.text_len.load(Ordering::Relaxed) as usize).min(TEXT);
    let mut bytes = vec![0_u8; length];
    // SAFETY: within the array; the writer has ended.
    unsafe {
        (&raw const (*pointer).text)
            .cast::<u8>()
            .copy_to_nonoverlapping(bytes.as_mut_ptr(), length);
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Keeps a strategy's state for the next child. `false` where it does not fit.
pub(crate) fn save(saved: &[u32]) -> bool {
    let (Some(journal), Some(pointer)) = (get(), pointer()) else {
        return false;
    };
    if saved.len() > SAVED {
        return false;
    }
    // SAFETY: within the array, and only this process writes now.
    unsafe {
        (&raw mut (*pointer).saved)
            .cast::<u32>()
            .copy_from_nonoverlapping(saved.as_ptr(), saved.len());
    }
    journal
        .saved_len
        .store(saved.len() as u64, Ordering::Relaxed);
    true
}

/// The state that the last child kept.
pub(crate) fn saved() -> Vec<u32> {
    let (Some(journal), Some(pointer)) = (get(), pointer()) else {
        return Vec::new();
    };
    let length = (journal.saved_len.load(Ordering::Relaxed) as usize).min(SAVED);
    // SAFETY: within the array; the writer has ended.
    (0..length)
        .map(|i| unsafe { (&raw const (*pointer).saved[i]).read() })
        .collect()
}
