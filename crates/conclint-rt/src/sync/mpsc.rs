//! `std::sync::mpsc` over one queue, unbounded, bounded or a rendezvous.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};

use crate::exec::{block, here, point, point_after, point_if, progress, publish, with};
use crate::op::Kind;
use crate::thread::due_in;

struct Queue<T> {
    items: VecDeque<T>,
    /// How many items have been taken out.
    taken: u64,
    /// How many items have been put in.
    put: u64,
    senders: usize,
    receiver: bool,
}

struct Channel<T> {
    /// `None`: unbounded; 0: a rendezvous.
    capacity: Option<usize>,
    queue: RefCell<Queue<T>>,
}

// SAFETY: all threads of an execution run on one OS thread, and no borrow of the queue is held
// across a scheduling point.
unsafe impl<T: Send> Sync for Channel<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Channel<T> {}

impl<T> Channel<T> {
    fn new(capacity: Option<usize>) -> Arc<Self> {
        Arc::new(Self {
            capacity,
            queue: RefCell::new(Queue {
                items: VecDeque::new(),
                taken: 0,
                put: 0,
                senders: 1,
                receiver: true,
            }),
        })
    }

    fn key(&self) -> usize {
        std::ptr::from_ref(self) as usize
    }

    /// A sender need not wait.
    fn has_room(&self) -> bool {
        let queue = self.queue.borrow();
        !queue.receiver || self.capacity.is_none_or(|c| queue.items.len() < c.max(1))
    }

    /// A receiver need not wait.
    fn has_news(&self) -> bool {
        let queue = self.queue.borrow();
        !queue.items.is_empty() || queue.senders == 0
    }

    /// Puts an item in after the sender's turn has come.
    fn put(&self, item: T) -> Result<u64, T> {
        let mut queue = self.queue.borrow_mut();
        if !queue.receiver {
            return Err(item);
        }
        queue.items.push_back(item);
        queue.put += 1;
        let ticket = queue.put;
        drop(queue);
        progress();
        let key = self.key();
        let full = !self.has_room();
        with(|x| {
            x.wake(key, |t| t.op.kind == Kind::Recv);
            if full {
                x.disable(key, |t| t.op.kind == Kind::Send);
            }
        });
        Ok(ticket)
    }

    fn send(&self, item: T, at: &'static Location<'static>) -> Result<(), SendError<T>> {
        point_if(Kind::Send, self.key(), at, self.has_room());
        let ticket = self.put(item).map_err(SendError)?;
        if self.capacity != Some(0) {
            point_after(self.key(), at);
            return Ok(());
        }
        // A rendezvous ends when the item has been taken.
        loop {
            {
                let mut queue = self.queue.borrow_mut();
                if queue.taken >= ticket {
                    return Ok(());
                }
                if !queue.receiver {
                    return match queue.items.pop_back() {
                        Some(item) => Err(SendError(item)),
                        None => Ok(()),
                    };
                }
            }
            publish(Kind::Send, self.key() + 1, at);
            block(None);
        }
    }

    fn try_send(&self, item: T, at: &'static Location<'static>) -> Result<(), TrySendError<T>> {
        let key = self.key();
        point(Kind::TrySend, key, at);
        let room = if self.capacity == Some(0) {
            !self.queue.borrow().receiver
                || with(|x| x.oldest(key, Kind::Recv).is_some()).unwrap_or(false)
        } else {
            self.has_room()
        };
        if !room {
            return Err(TrySendError::Full(item));
        }
        match self.put(item) {
            Ok(_) => {
                point_after(key, at);
                Ok(())
            }
            Err(item) => Err(TrySendError::Disconnected(item)),
        }
    }

    fn take(&self) -> Option<T> {
        let mut queue = self.queue.borrow_mut();
        let item = queue.items.pop_front()?;
        queue.taken += 1;
        drop(queue);
        progress();
        let key = self.key();
        with(|x| {
            x.wake(key, |t| t.op.kind == Kind::Send);
            x.wake(key + 1, |t| t.op.kind == Kind::Send);
        });
        Some(item)
    }

    fn recv(&self, at: &'static Location<'static>) -> Result<T, RecvError> {
        point_if(Kind::Recv, self.key(), at, self.has_news());
        self.take().ok_or(RecvError)
    }

    fn recv_until(
        &self,
        due: Option<u64>,
        at: &'static Location<'static>,
    ) -> Result<T, RecvTimeoutError> {
        point(Kind::TryRecv, self.key(), at);
        if !self.has_news() {
            publish(Kind::Recv, self.key(), at);
            if block(due) && !self.has_news() {
                return Err(RecvTimeoutError::Timeout);
            }
        }
        self.take().ok_or(RecvTimeoutError::Disconnected)
    }

    fn try_recv(&self, at: &'static Location<'static>) -> Result<T, TryRecvError> {
        point(Kind::TryRecv, self.key(), at);
        if self.has_news() {
            self.take().ok_or(TryRecvError::Disconnected)
        } else {
            Err(TryRecvError::Empty)
        }
    }

    fn add_sender(&self) {
        self.queue.borrow_mut().senders += 1;
    }

    fn drop_sender(&self) {
        let key = self.key();
        let last = self.queue.borrow().senders == 1;
        if last {
            point(Kind::DropSender, key, here());
        }
        self.queue.borrow_mut().senders -= 1;
        if !last {
            return;
        }
        progress();
        with(|x| x.wake(key, |t| t.op.kind == Kind::Recv));
        point_after(key, here());
    }

    fn drop_receiver(&self) {
        let key = self.key();
        point(Kind::DropReceiver, key, here());
        let rest = {
            let mut queue = self.queue.borrow_mut();
            queue.receiver = false;
            if self.capacity == Some(0) {
                // A rendezvous hands its item back to the sender.
                VecDeque::new()
            } else {
                std::mem::take(&mut queue.items)
            }
        };
        progress();
        with(|x| {
            x.wake(key, |t| t.op.kind == Kind::Send);
            x.wake(key + 1, |t| t.op.kind == Kind::Send);
        });
        drop(rest);
    }
}

/// See [`std::sync::mpsc::Sender`].
pub struct Sender<T>(Arc<Channel<T>>);

/// See [`std::sync::mpsc::SyncSender`].
pub struct SyncSender<T>(Arc<Channel<T>>);

/// See [`std::sync::mpsc::Receiver`].
pub struct Receiver<T> {
    channel: Arc<Channel<T>>,
    not_sync: PhantomData<std::cell::Cell<()>>,
}

// SAFETY: as for std.
unsafe impl<T: Send> Send for Receiver<T> {}

/// See [`std::sync::mpsc::channel`].
#[must_use]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let channel = Channel::new(None);
    let receiver = Receiver {
        channel: channel.clone(),
        not_sync: PhantomData,
    };
    (Sender(channel), receiver)
}

/// See [`std::sync::mpsc::sync_channel`].
#[must_use]
pub fn sync_channel<T>(bound: usize) -> (SyncSender<T>, Receiver<T>) {
    let channel = Channel::new(Some(bound));
    let receiver = Receiver {
        channel: channel.clone(),
        not_sync: PhantomData,
    };
    (SyncSender(channel), receiver)
}

impl<T> SyncSender<T> {
    /// See [`std::sync::mpsc::SyncSender::try_send`].
    ///
    /// # Errors
    /// When the channel is full or closed.
    #[track_caller]
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        self.0.try_send(item, Location::caller())
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
                self.0.send(item, Location::caller())
            }
        }

        impl<T> Clone for $name<T> {
            fn clone(&self) -> Self {
                self.0.add_sender();
                Self(self.0.clone())
            }
        }

        impl<T> Drop for $name<T> {
            fn drop(&mut self) {
                self.0.drop_sender();
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

impl<T> Receiver<T> {
    /// See [`std::sync::mpsc::Receiver::recv`].
    ///
    /// # Errors
    /// When all senders are gone.
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.channel.recv(Location::caller())
    }

    /// See [`std::sync::mpsc::Receiver::try_recv`].
    ///
    /// # Errors
    /// When there is nothing, or all senders are gone.
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.channel.try_recv(Location::caller())
    }

    /// See [`std::sync::mpsc::Receiver::recv_timeout`].
    ///
    /// # Errors
    /// When nothing came in time, or all senders are gone.
    #[track_caller]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.channel.recv_until(due_in(timeout), Location::caller())
    }

    /// See [`std::sync::mpsc::Receiver::iter`].
    #[track_caller]
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self, Location::caller())
    }

    /// See [`std::sync::mpsc::Receiver::try_iter`].
    #[track_caller]
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter(self, Location::caller())
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.channel.drop_receiver();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

type Place = &'static Location<'static>;

/// Where an iterator is asked for its next item: where it was made, if an adapter of std asks.
fn of_user(called: Place, made: Place) -> Place {
    let std = ["core", "alloc", "std"].map(|name| format!("/library/{name}/src/"));
    match std.iter().any(|dir| called.file().contains(dir)) {
        true => made,
        false => called,
    }
}

/// See [`std::sync::mpsc::Iter`].
#[derive(Debug)]
pub struct Iter<'a, T: 'a>(&'a Receiver<T>, Place);

/// See [`std::sync::mpsc::TryIter`].
#[derive(Debug)]
pub struct TryIter<'a, T: 'a>(&'a Receiver<T>, Place);

/// See [`std::sync::mpsc::IntoIter`].
#[derive(Debug)]
pub struct IntoIter<T>(Receiver<T>, Place);

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.0
            .channel
            .recv(of_user(Location::caller(), self.1))
            .ok()
    }
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.0
            .channel
            .try_recv(of_user(Location::caller(), self.1))
            .ok()
    }
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.0
            .channel
            .recv(of_user(Location::caller(), self.1))
            .ok()
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    #[track_caller]
    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    #[track_caller]
    fn into_iter(self) -> IntoIter<T> {
        IntoIter(self, Location::caller())
    }
}
