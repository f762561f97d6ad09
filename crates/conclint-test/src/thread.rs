//! `std::thread`, explorable: inside of [`explored`](crate::explored) threads
//! are the runtime's, outside of it they are std's.

use std::fmt;
use std::io;
use std::num::NonZero;
use std::time::Duration;

use conclint_rt::thread as model;
use std::thread as real;

use crate::sync::active;

pub use conclint_rt::thread::{AccessError, LocalKey, panicking};
pub use std::thread::Result;

macro_rules! either {
    ($type:ident, $it:expr, $x:ident => $call:expr) => {
        match $it {
            $type::Model($x) => $call,
            $type::Real($x) => $call,
        }
    };
}

/// See [`std::thread::ThreadId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ThreadId(Id);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Id {
    Model(model::ThreadId),
    Real(real::ThreadId),
}

/// See [`std::thread::Thread`].
#[derive(Clone, Debug)]
pub struct Thread(Which);

#[derive(Clone, Debug)]
enum Which {
    Model(model::Thread),
    Real(real::Thread),
}

impl Thread {
    /// See [`std::thread::Thread::id`].
    #[must_use]
    pub fn id(&self) -> ThreadId {
        ThreadId(match &self.0 {
            Which::Model(thread) => Id::Model(thread.id()),
            Which::Real(thread) => Id::Real(thread.id()),
        })
    }

    /// See [`std::thread::Thread::name`].
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        either!(Which, &self.0, thread => thread.name())
    }

    /// See [`std::thread::Thread::unpark`].
    #[track_caller]
    pub fn unpark(&self) {
        either!(Which, &self.0, thread => thread.unpark());
    }
}

/// See [`std::thread::current`].
#[must_use]
pub fn current() -> Thread {
    Thread(match active() {
        true => Which::Model(model::current()),
        false => Which::Real(real::current()),
    })
}

/// See [`std::thread::sleep`].
#[track_caller]
pub fn sleep(duration: Duration) {
    model::sleep(duration);
}

/// See [`std::thread::yield_now`].
#[track_caller]
pub fn yield_now() {
    match active() {
        true => model::yield_now(),
        false => real::yield_now(),
    }
}

/// See [`std::thread::park`].
#[track_caller]
pub fn park() {
    match active() {
        true => model::park(),
        false => real::park(),
    }
}

/// See [`std::thread::park_timeout`].
#[track_caller]
pub fn park_timeout(duration: Duration) {
    match active() {
        true => model::park_timeout(duration),
        false => real::park_timeout(duration),
    }
}

/// See [`std::thread::available_parallelism`].
///
/// # Errors
/// When the number is not known.
pub fn available_parallelism() -> io::Result<NonZero<usize>> {
    match active() {
        true => model::available_parallelism(),
        false => real::available_parallelism(),
    }
}

/// See [`std::thread::JoinHandle`].
pub struct JoinHandle<T> {
    handle: Handle<T>,
    thread: Thread,
}

enum Handle<T> {
    Model(model::JoinHandle<T>),
    Real(real::JoinHandle<T>),
}

impl<T> JoinHandle<T> {
    fn new(handle: Handle<T>) -> Self {
        let thread = Thread(match &handle {
            Handle::Model(handle) => Which::Model(handle.thread().clone()),
            Handle::Real(handle) => Which::Real(handle.thread().clone()),
        });
        Self { handle, thread }
    }

    /// See [`std::thread::JoinHandle::join`].
    ///
    /// # Errors
    /// The payload of the panic that ended the thread.
    #[track_caller]
    pub fn join(self) -> Result<T> {
        either!(Handle, self.handle, handle => handle.join())
    }

    /// See [`std::thread::JoinHandle::thread`].
    #[must_use]
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// See [`std::thread::JoinHandle::is_finished`].
    #[must_use]
    #[track_caller]
    pub fn is_finished(&self) -> bool {
        either!(Handle, &self.handle, handle => handle.is_finished())
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").finish_non_exhaustive()
    }
}

/// See [`std::thread::spawn`].
///
/// # Panics
/// When no thread can be started.
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    started(Builder::new().spawn(f))
}

#[track_caller]
fn started<H>(handle: io::Result<H>) -> H {
    match handle {
        Ok(handle) => handle,
        Err(error) => panic!("failed to spawn thread: {error}"),
    }
}

/// See [`std::thread::Builder`].
#[derive(Debug, Default)]
pub struct Builder {
    name: Option<String>,
    stack_size: Option<usize>,
}

impl Builder {
    /// See [`std::thread::Builder::new`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// See [`std::thread::Builder::name`].
    #[must_use]
    pub fn name(mut self, name: String) -> Self {
        self.name = Some(name);
        self
    }

    /// See [`std::thread::Builder::stack_size`].
    #[must_use]
    pub fn stack_size(mut self, size: usize) -> Self {
        self.stack_size = Some(size);
        self
    }

    fn model(self) -> model::Builder {
        let builder = model::Builder::new();
        let builder = self.name.into_iter().fold(builder, model::Builder::name);
        self.stack_size
            .into_iter()
            .fold(builder, model::Builder::stack_size)
    }

    fn real(self) -> real::Builder {
        let builder = real::Builder::new();
        let builder = self.name.into_iter().fold(builder, real::Builder::name);
        self.stack_size
            .into_iter()
            .fold(builder, real::Builder::stack_size)
    }

    /// See [`std::thread::Builder::spawn`].
    ///
    /// # Errors
    /// When no thread can be started.
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let handle = match active() {
            true => Handle::Model(self.model().spawn(f)?),
            false => Handle::Real(self.real().spawn(f)?),
        };
        Ok(JoinHandle::new(handle))
    }

    /// See [`std::thread::Builder::spawn_scoped`].
    ///
    /// # Errors
    /// When no thread can be started.
    #[track_caller]
    pub fn spawn_scoped<'scope, F, T>(
        self,
        scope: &'scope Scope<'scope, '_>,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let handle = match &scope.0 {
            In::Model(scope) => Scoped::Model(self.model().spawn_scoped(scope, f)?),
            In::Real(scope) => Scoped::Real(self.real().spawn_scoped(scope, f)?),
        };
        Ok(ScopedJoinHandle::new(handle))
    }
}

/// See [`std::thread::Scope`].
#[derive(Debug)]
pub struct Scope<'scope, 'env: 'scope>(In<'scope, 'env>);

#[derive(Debug)]
enum In<'scope, 'env: 'scope> {
    Model(&'scope model::Scope<'scope, 'env>),
    Real(&'scope real::Scope<'scope, 'env>),
}

impl<'scope> Scope<'scope, '_> {
    /// See [`std::thread::Scope::spawn`].
    ///
    /// # Panics
    /// When no thread can be started.
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        started(Builder::new().spawn_scoped(self, f))
    }
}

/// See [`std::thread::scope`]. Each call keeps a few bytes: what lives as long
/// as the scope, and no longer, can only be made inside of std.
#[track_caller]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    match active() {
        true => model::scope(|scope| f(Box::leak(Box::new(Scope(In::Model(scope)))))),
        false => real::scope(|scope| f(Box::leak(Box::new(Scope(In::Real(scope)))))),
    }
}

/// See [`std::thread::ScopedJoinHandle`].
pub struct ScopedJoinHandle<'scope, T> {
    handle: Scoped<'scope, T>,
    thread: Thread,
}

enum Scoped<'scope, T> {
    Model(model::ScopedJoinHandle<'scope, T>),
    Real(real::ScopedJoinHandle<'scope, T>),
}

impl<'scope, T> ScopedJoinHandle<'scope, T> {
    fn new(handle: Scoped<'scope, T>) -> Self {
        let thread = Thread(match &handle {
            Scoped::Model(handle) => Which::Model(handle.thread().clone()),
            Scoped::Real(handle) => Which::Real(handle.thread().clone()),
        });
        Self { handle, thread }
    }

    /// See [`std::thread::ScopedJoinHandle::join`].
    ///
    /// # Errors
    /// The payload of the panic that ended the thread.
    #[track_caller]
    pub fn join(self) -> Result<T> {
        either!(Scoped, self.handle, handle => handle.join())
    }

    /// See [`std::thread::ScopedJoinHandle::thread`].
    #[must_use]
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// See [`std::thread::ScopedJoinHandle::is_finished`].
    #[must_use]
    #[track_caller]
    pub fn is_finished(&self) -> bool {
        either!(Scoped, &self.handle, handle => handle.is_finished())
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle").finish_non_exhaustive()
    }
}
