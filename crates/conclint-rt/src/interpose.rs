//! C symbols that stand in front of libc's, so that code which is not shadowed sees the same
//! clock, the same random numbers, and no blocking of the one OS thread.
//!
//! std calls these functions through the dynamic linker, and a symbol that the executable defines
//! comes first. Types like `Instant` and `SystemTime` so remain std's own, on a virtual clock.

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

/// Where the virtual clocks begin: 2001-09-09, and an uptime that leaves room for subtraction.
const EPOCH: u64 = 1_000_000_000;
const UPTIME: u64 = 1_000_000;
/// How far a look at the clock moves it, so that a loop that waits for a time ends.
const LOOK: u64 = 20_000;

/// Seconds at which the clock of an absolute futex timeout begins.
pub(crate) fn base(op: i64) -> u64 {
    let realtime = i64::from(libc::FUTEX_CLOCK_REALTIME);
    if op & realtime == 0 { UPTIME } else { EPOCH }
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
    let base = if id == libc::CLOCK_REALTIME {
        EPOCH
    } else {
        UPTIME
    };
    let seconds = i64::try_from(base + nanos / 1_000_000_000).unwrap_or(i64::MAX);
    // SAFETY: the caller passes a valid pointer.
    unsafe {
        (*ts).tv_sec = seconds;
        (*ts).tv_nsec = i64::try_from(nanos % 1_000_000_000).unwrap_or(0);
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
