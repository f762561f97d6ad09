//! What a thread is about to do, published before it may be interrupted.

use std::panic::Location;

use conclint_schedule::Access;

use crate::frames::Frames;

macro_rules! kinds {
    ($($name:ident $text:literal $access:ident,)*) => {
        /// The kind of a visible operation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        #[expect(missing_docs, reason = "named like the operations of std that they stand for")]
        pub enum Kind { $($name,)* }

        impl Kind {
            /// The verb of a timeline.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// How the operation uses its object.
            #[must_use]
            pub fn access(self) -> Access {
                match self { $(Self::$name => Access::$access,)* }
            }
        }
    };
}

kinds! {
    Start "start" None,
    Exit "exit" None,
    Spawn "spawn" None,
    Join "join" Read,
    Scope "scope-end" Read,
    Yield "yield" None,
    Spin "spin-hint" None,
    Sleep "sleep" None,
    Park "park" Write,
    Unpark "unpark" Write,
    Lock "lock" Write,
    TryLock "try-lock" Write,
    Unlock "unlock" Write,
    Read "read-lock" Write,
    TryRead "try-read-lock" Write,
    ReadUnlock "read-unlock" Write,
    Write "write-lock" Write,
    TryWrite "try-write-lock" Write,
    WriteUnlock "write-unlock" Write,
    Wait "wait" Write,
    NotifyOne "notify-one" Write,
    NotifyAll "notify-all" Write,
    Load "load" Read,
    Store "store" Write,
    Rmw "modify" Write,
    Cas "compare-exchange" Write,
    Fence "fence" None,
    After "after" None,
    Send "send" Write,
    TrySend "try-send" Write,
    Recv "recv" Write,
    TryRecv "try-recv" Write,
    DropSender "drop-sender" Write,
    DropReceiver "drop-receiver" Write,
    Barrier "barrier" Write,
    Once "once" Write,
    OnceGet "once-get" Read,
    FutexWait "futex-wait" Write,
    FutexWake "futex-wake" Write,
    Poll "poll" Write,
    Finished "is-finished" Read,
}

/// A pending operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Op {
    pub kind: Kind,
    /// Address of the object; 0 for none.
    pub object: usize,
    pub at: &'static Location<'static>,
}

/// One executed operation of a recorded execution.
#[derive(Clone, Debug)]
pub struct Event {
    /// The thread.
    pub thread: u32,
    /// What it did.
    pub kind: Kind,
    /// On which object (address), 0 for none.
    pub object: usize,
    /// Where.
    pub at: &'static Location<'static>,
    /// Which calls led there, where that is not what `at` says: inside of dependencies.
    pub frames: Frames,
    /// Values, or that the operation waits.
    pub note: String,
    /// The switch to this event was a deviation from the default.
    pub deviated: bool,
    /// The thread that ran before could have gone on.
    pub preempting: bool,
}
