//! Which calls led to an operation of a recorded execution.
//!
//! An operation inside a dependency says nothing to who reads the story: what they know is the
//! line of theirs that called it. Only return addresses are taken here, relative to the executable;
//! `conclint-explore` finds their lines in its debug information. Nothing is allocated: an
//! execution that is shown must not lay out its heap otherwise than the one that was found.

use std::ffi::{c_int, c_void};

use crate::image;

/// Calls that are kept. The runtime's own are among them.
const DEPTH: usize = 40;

/// Return addresses, innermost first.
#[derive(Clone, Copy, Debug)]
pub struct Frames {
    addresses: [u32; DEPTH],
    length: u8,
}

impl Default for Frames {
    fn default() -> Self {
        Self {
            addresses: [0; DEPTH],
            length: 0,
        }
    }
}

impl Frames {
    /// The addresses, relative to where the executable is loaded.
    #[must_use]
    pub fn addresses(&self) -> &[u32] {
        self.addresses
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }

    /// The calls that are under way on this stack.
    pub(crate) fn here() -> Self {
        let mut frames = Self::default();
        // SAFETY: the callback is called before this returns, with the pointer given here.
        unsafe { _Unwind_Backtrace(push, (&raw mut frames).cast()) };
        frames
    }
}

/// A file that is no part of the explored project, as far as its name tells: rustc is given the
/// files of workspace members relative to the workspace, and those of dependencies with their
/// directories. Our own files say least of all.
pub(crate) fn foreign(file: &str) -> bool {
    file.starts_with('/') || file.contains("conclint-rt/") || file.contains("conclint-std/")
}

/// `_URC_NO_REASON` and `_URC_END_OF_STACK` of the Itanium C++ ABI, section 1.3.
const GO_ON: c_int = 0;
const STOP: c_int = 5;

// Level I of the Itanium C++ ABI; std links it for its own panics.
unsafe extern "C" {
    fn _Unwind_Backtrace(
        callback: unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int,
        argument: *mut c_void,
    ) -> c_int;
    fn _Unwind_GetIP(context: *mut c_void) -> usize;
}

unsafe extern "C" fn push(context: *mut c_void, frames: *mut c_void) -> c_int {
    // SAFETY: the unwinder hands over its context and the pointer that `here` gave it.
    let (address, frames) = unsafe { (_Unwind_GetIP(context), &mut *frames.cast::<Frames>()) };
    let Some(place) = frames.addresses.get_mut(usize::from(frames.length)) else {
        return STOP;
    };
    // Addresses in libraries do not fit, and have no lines of interest.
    if let Ok(address) = u32::try_from(address.wrapping_sub(image::bias())) {
        *place = address;
        frames.length += 1;
    }
    GO_ON
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn callee() -> Frames {
        Frames::here()
    }

    #[test]
    fn callers_are_in_order() {
        image::prepare();
        let frames = callee();
        let begins = |f: usize| u32::try_from(f - image::bias()).unwrap();
        let at = |start: u32| {
            let near = |a: &u32| *a > start && *a - start < 200;
            frames.addresses().iter().position(near).unwrap()
        };
        let (inner, outer) = (
            at(begins(callee as fn() -> Frames as usize)),
            frames.addresses().len(),
        );
        assert!(inner < 4 && outer > inner + 1, "{frames:?}");
    }
}
