//! C symbols that stand in front of libc's, so that code which is not shadowed sees the same
//! clock, the same random numbers, and no blocking of the one OS thread.
//!
//! std calls these functions through the dynamic linker, and a symbol that the executable defines
//! comes first. Types like `Instant` and `SystemTime` so remain std's own, on a virtual clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::{exec, hashing};

/// A raw system call.
///
/// # Safety
/// As for the system call.
pub(crate) unsafe fn raw(n: i64, a: [i64; 6]) -> i64 {
    let result: i64;
    // SAFETY: the kernel's calling convention; the caller answers for the arguments.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") n => result,
            in("rdi") a[0], in("rsi") a[1], in("rdx") a[2],
            in("r10") a[3], in("r8") a[4], in("r9") a[5],
            lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// A kernel's result as libc gives it: -1, and the error in `errno`.
pub(crate) fn answer(result: i64) -> i64 {
    if (-4095..0).contains(&result) {
        // SAFETY: libc's per-thread error number.
        unsafe { *libc::__errno_location() = i32::try_from(-result).unwrap_or(libc::EINVAL) };
        return -1;
    }
    result
}

fn real_clock(id: libc::clockid_t, ts: *mut libc::timespec) -> i64 {
    // SAFETY: the caller of `clock_gettime` answers for `ts`.
    unsafe {
        raw(
            libc::SYS_clock_gettime,
            [i64::from(id), ts as i64, 0, 0, 0, 0],
        )
    }
}

/// Milliseconds of the real monotonic clock.
pub(crate) fn real_millis() -> u64 {
    let mut ts = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    real_clock(libc::CLOCK_MONOTONIC, &raw mut ts);
    u64::try_from(ts.tv_sec * 1000 + ts.tv_nsec / 1_000_000).unwrap_or(0)
}

/// Where the virtual clocks begin, in nanoseconds: 2001-09-09, and an uptime that leaves room for
/// subtraction.
static EPOCH: AtomicU64 = AtomicU64::new(1_000_000_000 * SECOND);
static UPTIME: AtomicU64 = AtomicU64::new(1_000_000 * SECOND);
const SECOND: u64 = 1_000_000_000;
/// How far a look at the clock moves it, so that a loop that waits for a time ends.
const LOOK: u64 = 20_000;

/// Lets the virtual clocks begin at this time, in milliseconds since 1970, as those of a machine
/// would that has been up for some hours or days.
pub(crate) fn begin_at(millis: u64) {
    let (hour, month) = (3_600_000, 30 * 86_400_000);
    let uptime = hour + millis % (month - hour);
    EPOCH.store(millis.saturating_mul(1_000_000), Ordering::Relaxed);
    UPTIME.store(uptime * 1_000_000, Ordering::Relaxed);
}

/// Where the clock of an absolute futex timeout begins.
pub(crate) fn base(op: i64) -> Duration {
    let realtime = op & i64::from(libc::FUTEX_CLOCK_REALTIME) != 0;
    let base = if realtime { &EPOCH } else { &UPTIME };
    Duration::from_nanos(base.load(Ordering::Relaxed))
}

/// See `clock_gettime(2)`.
///
/// # Safety
/// As for libc.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(id: libc::clockid_t, ts: *mut libc::timespec) -> i32 {
    let virtual_now = exec::with(|x| {
        x.clock += LOOK;
        if let Some(cycles) = &mut x.cycles {
            cycles.unseen();
        }
        x.clock
    });
    let Some(nanos) = virtual_now else {
        return i32::try_from(answer(real_clock(id, ts))).unwrap_or(-1);
    };
    let base = match id {
        libc::CLOCK_REALTIME => &EPOCH,
        _ => &UPTIME,
    };
    let now = base.load(Ordering::Relaxed).saturating_add(nanos);
    // SAFETY: the caller passes a valid pointer.
    unsafe {
        (*ts).tv_sec = i64::try_from(now / SECOND).unwrap_or(i64::MAX);
        (*ts).tv_nsec = i64::try_from(now % SECOND).unwrap_or(0);
    }
    0
}

/// See `getrandom(2)`: the same bytes in every execution, so that hash maps iterate alike.
///
/// # Safety
/// As for libc.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, flags: u32) -> isize {
    // Keys that the supervisor has asked for are its children's too.
    if exec::active() || crate::outside::watched() {
        hashing::asked(length);
        for i in 0..length {
            // SAFETY: the caller passes a buffer of `length` bytes.
            unsafe { buffer.add(i).write(hashing::byte(i)) };
        }
        return isize::try_from(length).unwrap_or(isize::MAX);
    }
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let arguments = [buffer as i64, length, i64::from(flags), 0, 0, 0];
    // SAFETY: the caller answers for the buffer.
    let result = unsafe { raw(libc::SYS_getrandom, arguments) };
    isize::try_from(answer(result)).unwrap_or(-1)
}

/// See `syscall(2)`: futex waits become waits in the scheduler.
///
/// # Safety
/// As for libc.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn syscall(n: i64, a: i64, b: i64, c: i64, d: i64, e: i64, f: i64) -> i64 {
    if n == libc::SYS_futex
        && exec::active()
        && let Some(result) = crate::futex::call(a as usize, b, c, d, f)
    {
        return answer(result);
    }
    if n == libc::SYS_getrandom && exec::active() {
        // SAFETY: the caller passes a buffer of `b` bytes.
        let count = unsafe { getrandom(a as *mut u8, usize::try_from(b).unwrap_or(0), 0) };
        return i64::try_from(count).unwrap_or(-1);
    }
    // SAFETY: handed on as it came.
    answer(unsafe { raw(n, [a, b, c, d, e, f]) })
}

#[cfg(test)]
mod tests {
    use std::time::{Instant, SystemTime};

    use conclint_schedule::Replay;

    use super::*;

    /// The virtual clocks at the beginning of an execution.
    fn clocks() -> (Duration, Duration) {
        static SEEN: std::sync::Mutex<(Duration, Duration)> =
            std::sync::Mutex::new((Duration::ZERO, Duration::ZERO));
        let main = || {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            // What is behind an `Instant` shows only where it is printed.
            let shown = format!("{:?}", Instant::now());
            let number = |name: &str| {
                let rest = shown.split_once(name).unwrap().1;
                let digits = rest.trim_start().split(|c: char| !c.is_ascii_digit());
                digits.into_iter().next().unwrap().parse().unwrap()
            };
            let uptime = Duration::new(number("tv_sec:"), 0);
            *SEEN.lock().unwrap() = (now.unwrap(), uptime);
        };
        let (mut strategy, settings) = (Replay::new(&[]), exec::Settings::default());
        exec::Runner::default().run(&mut strategy, settings, "main", Box::new(main));
        *SEEN.lock().unwrap()
    }

    #[test]
    fn clocks_begin_where_they_are_told_to() {
        let _turn = crate::tests::alone();
        let usual = [&EPOCH, &UPTIME].map(|clock| clock.load(Ordering::Relaxed));
        begin_at(1_770_000_000_123);
        let seen = (clocks(), clocks());
        EPOCH.store(usual[0], Ordering::Relaxed);
        UPTIME.store(usual[1], Ordering::Relaxed);
        let ((now, uptime), again) = seen;
        assert_eq!((now, uptime), again);
        assert_eq!(now.as_millis(), 1_770_000_000_123);
        let hours = uptime.as_secs() / 3600;
        assert!((1..30 * 24).contains(&hours), "{hours}");
        assert_eq!(clocks().0.as_secs(), 1_000_000_000);
    }
}
