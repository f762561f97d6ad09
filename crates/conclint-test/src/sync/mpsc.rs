//! `std::sync::mpsc`. A channel belongs to where it is made: in an execution,
//! or outside.

use std::fmt;
use std::sync::mpsc as real;
use std::time::Duration;

use conclint_rt::sync::mpsc as model;

use super::active;

pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};

/// One of the two.
#[derive(Clone, Debug)]
enum Either<M, R> {
    Model(M),
    Real(R),
}

macro_rules! either {
    ($it:expr, $end:ident => $call:expr) => {
        match $it {
            Either::Model($end) => $call,
            Either::Real($end) => $call,
        }
    };
}

/// See [`std::sync::mpsc::Sender`].
pub struct Sender<T>(Either<model::Sender<T>, real::Sender<T>>);

/// See [`std::sync::mpsc::SyncSender`].
pub struct SyncSender<T>(Either<model::SyncSender<T>, real::SyncSender<T>>);

/// See [`std::sync::mpsc::Receiver`].
pub struct Receiver<T>(Either<model::Receiver<T>, real::Receiver<T>>);

/// See [`std::sync::mpsc::channel`].
#[must_use]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    if active() {
        let (sender, receiver) = model::channel();
        (
            Sender(Either::Model(sender)),
            Receiver(Either::Model(receiver)),
        )
    } else {
        let (sender, receiver) = real::channel();
        (
            Sender(Either::Real(sender)),
            Receiver(Either::Real(receiver)),
        )
    }
}

/// See [`std::sync::mpsc::sync_channel`].
#[must_use]
pub fn sync_channel<T>(bound: usize) -> (SyncSender<T>, Receiver<T>) {
    if active() {
        let (sender, receiver) = model::sync_channel(bound);
        (
            SyncSender(Either::Model(sender)),
            Receiver(Either::Model(receiver)),
        )
    } else {
        let (sender, receiver) = real::sync_channel(bound);
        (
            SyncSender(Either::Real(sender)),
            Receiver(Either::Real(receiver)),
        )
    }
}

macro_rules! sender {
    ($name:ident) => {
        impl<T> $name<T> {
            /// See the method of std's type.
            ///
            /// # Errors
            /// When the receiver is gone.
            #[track_caller]
            pub fn send(&self, item: T) -> Result<(), SendError<T>> {
                either!(&self.0, end => end.send(item))
            }
        }

        impl<T> Clone for $name<T> {
            fn clone(&self) -> Self {
                match &self.0 {
                    Either::Model(end) => Self(Either::Model(end.clone())),
                    Either::Real(end) => Self(Either::Real(end.clone())),
                }
            }
        }

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}
sender!(Sender);
sender!(SyncSender);

impl<T> SyncSender<T> {
    /// See [`std::sync::mpsc::SyncSender::try_send`].
    ///
    /// # Errors
    /// When the channel is full or closed.
    #[track_caller]
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        either!(&self.0, end => end.try_send(item))
    }
}

impl<T> Receiver<T> {
    /// See [`std::sync::mpsc::Receiver::recv`].
    ///
    /// # Errors
    /// When all senders are gone.
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        either!(&self.0, end => end.recv())
    }

    /// See [`std::sync::mpsc::Receiver::try_recv`].
    ///
    /// # Errors
    /// When there is nothing, or all senders are gone.
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        either!(&self.0, end => end.try_recv())
    }

    /// See [`std::sync::mpsc::Receiver::recv_timeout`].
    ///
    /// # Errors
    /// When nothing came in time, or all senders are gone.
    #[track_caller]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        either!(&self.0, end => end.recv_timeout(timeout))
    }

    /// See [`std::sync::mpsc::Receiver::iter`].
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self)
    }

    /// See [`std::sync::mpsc::Receiver::try_iter`].
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter(self)
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// See [`std::sync::mpsc::Iter`].
#[derive(Debug)]
pub struct Iter<'a, T: 'a>(&'a Receiver<T>);

/// See [`std::sync::mpsc::TryIter`].
#[derive(Debug)]
pub struct TryIter<'a, T: 'a>(&'a Receiver<T>);

/// See [`std::sync::mpsc::IntoIter`].
#[derive(Debug)]
pub struct IntoIter<T>(Receiver<T>);

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.0.try_recv().ok()
    }
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter(self)
    }
}
