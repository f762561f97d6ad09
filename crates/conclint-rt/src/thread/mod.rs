//! `std::thread` on coroutines.

use std::any::Any;
use std::cell::UnsafeCell;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::num::{NonZero, NonZeroU64};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::coro::STACK;
use crate::exec::{self, block, moved, point, point_if, progress, with};
use crate::op::Kind;

mod scope;

use self::scope::ScopeData;
pub use self::scope::{Scope, ScopedJoinHandle, scope};
pub use crate::local::{AccessError, LocalKey};
pub use std::thread::Result;

/// See [`std::thread::ThreadId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ThreadId(NonZeroU64);

impl ThreadId {
    /// Numbers begin anew in each execution, or programs that hash them would not repeat.
    fn fresh() -> Self {
        static OUTSIDE: AtomicU64 = AtomicU64::new(1 << 32);
        let inside = with(|x| {
            x.thread_ids += 1;
            x.thread_ids
        });
        let id = inside.unwrap_or_else(|| OUTSIDE.fetch_add(1, Ordering::Relaxed));
        Self(NonZeroU64::new(id).unwrap_or(NonZeroU64::MIN))
    }
}

struct Inner {
    id: ThreadId,
    name: Option<String>,
    main: bool,
}

/// See [`std::thread::Thread`].
#[derive(Clone)]
pub struct Thread(Arc<Inner>);

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread")
            .field("id", &self.id())
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

impl Thread {
    fn new(name: Option<String>) -> Self {
        Self(Arc::new(Inner {
            id: ThreadId::fresh(),
            name,
            main: false,
        }))
    }

    pub(crate) fn main(name: &str) -> Self {
        Self(Arc::new(Inner {
            id: ThreadId(NonZeroU64::MIN),
            name: Some(name.to_owned()),
            main: true,
        }))
    }

    /// Identity of the thread as an object that others wait for.
    pub(crate) fn key(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    /// What a timeline calls thread number `id`.
    pub(crate) fn label(&self, id: usize) -> String {
        match &self.0.name {
            _ if self.0.main => "main".to_owned(),
            Some(name) => name.clone(),
            None => format!("thread {id}"),
        }
    }

    /// See [`std::thread::Thread::id`].
    #[must_use]
    pub fn id(&self) -> ThreadId {
        self.0.id
    }

    /// See [`std::thread::Thread::name`].
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// See [`std::thread::Thread::unpark`].
    #[track_caller]
    pub fn unpark(&self) {
        let key = self.key();
        let at = Location::caller();
        point(Kind::Unpark, key, at);
        with(|x| {
            if let Some(task) = x.find(key) {
                task.token = true;
            }
            x.wake(key, |t| t.op.kind == Kind::Park);
        });
        moved();
        exec::point_after(key, at);
    }
}

/// What a thread's closure left for whoever joins it.
struct Packet<T> {
    result: UnsafeCell<Option<Result<T>>>,
}

// SAFETY: all threads of an execution run on one OS thread, and a value passes from one to the
// other only if the bounds of `spawn` allow it.
unsafe impl<T: Send> Sync for Packet<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Packet<T> {}

impl<T> Packet<T> {
    fn take(&self) -> Option<Result<T>> {
        // SAFETY: the writer has finished before anybody reads, and the reference ends here.
        unsafe { &mut *self.result.get() }.take()
    }
}

struct Handle<T> {
    thread: Thread,
    packet: Arc<Packet<T>>,
}

fn is_done(thread: &Thread) -> bool {
    let key = thread.key();
    with(|x| x.find(key).is_none()).unwrap_or(true)
}

impl<T> Handle<T> {
    fn join(self, at: &'static Location<'static>) -> Result<T> {
        point_if(Kind::Join, self.thread.key(), at, is_done(&self.thread));
        progress();
        self.packet.take().unwrap_or_else(|| {
            Err(
                Box::new("the thread was cut off at the end of the execution")
                    as Box<dyn Any + Send>,
            )
        })
    }
}

/// Starts a thread.
///
/// # Safety
/// Everything `f` borrows must outlive the thread.
unsafe fn spawn_unchecked<F, T>(
    f: F,
    name: Option<String>,
    stack_size: usize,
    at: &'static Location<'static>,
    scope: Option<Arc<ScopeData>>,
) -> io::Result<Handle<T>>
where
    F: FnOnce() -> T,
{
    if !exec::active() {
        return Err(io::Error::other(
            "conclint: a thread was started outside of an explored test",
        ));
    }
    let thread = Thread::new(name);
    point(Kind::Spawn, thread.key(), at);
    let packet = Arc::new(Packet {
        result: UnsafeCell::new(None),
    });
    let (theirs, me) = (packet.clone(), thread.clone());
    let body = move || {
        exec::started();
        let result = catch_unwind(AssertUnwindSafe(f));
        exec::unwound();
        let failed = result.is_err();
        // SAFETY: nobody reads before this thread is done.
        unsafe { *theirs.result.get() = Some(result) };
        if scope.is_none() {
            crate::local::run_destructors();
        }
        if Arc::strong_count(&theirs) == 1 {
            // Nobody will join: the value dies with the thread.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(theirs.take())));
        }
        drop(theirs);
        if let Some(scope) = scope {
            // As in std, a scope does not wait for the destructors of thread-locals.
            scope.leave(failed);
            crate::local::run_destructors();
        }
        drop(me);
    };
    let body: Box<dyn FnOnce() + '_> = Box::new(body);
    // SAFETY: the caller promises that the borrows outlive the thread.
    let body: Box<dyn FnOnce() + 'static> = unsafe { std::mem::transmute(body) };
    let spawned = with(|x| x.spawn(thread.clone(), stack_size, at, body));
    progress();
    match spawned {
        Some(Some(_)) => Ok(Handle { thread, packet }),
        _ => Err(io::Error::from(io::ErrorKind::OutOfMemory)),
    }
}

/// See [`std::thread::JoinHandle`].
pub struct JoinHandle<T>(Handle<T>);

// SAFETY: as for std: the handle gives access to nothing but the result, by value.
unsafe impl<T> Send for JoinHandle<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for JoinHandle<T> {}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").finish_non_exhaustive()
    }
}

impl<T> JoinHandle<T> {
    /// See [`std::thread::JoinHandle::join`].
    ///
    /// # Errors
    /// The payload of the panic that ended the thread.
    #[track_caller]
    pub fn join(self) -> Result<T> {
        self.0.join(Location::caller())
    }

    /// See [`std::thread::JoinHandle::thread`].
    #[must_use]
    pub fn thread(&self) -> &Thread {
        &self.0.thread
    }

    /// See [`std::thread::JoinHandle::is_finished`].
    #[must_use]
    #[track_caller]
    pub fn is_finished(&self) -> bool {
        point(Kind::Finished, self.0.thread.key(), Location::caller());
        is_done(&self.0.thread)
    }
}

/// See [`std::thread::spawn`].
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    match Builder::new().spawn(f) {
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

    /// See [`std::thread::Builder::spawn`].
    ///
    /// # Errors
    /// When no stack can be mapped, and outside of an execution.
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let size = self.stack_size.unwrap_or(STACK);
        // SAFETY: `F` and `T` are `'static`.
        unsafe { spawn_unchecked(f, self.name, size, Location::caller(), None) }.map(JoinHandle)
    }

    /// See [`std::thread::Builder::spawn_unchecked`].
    ///
    /// # Errors
    /// As for `spawn`.
    ///
    /// # Safety
    /// What `f` borrows must outlive the thread.
    #[track_caller]
    pub unsafe fn spawn_unchecked<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        let size = self.stack_size.unwrap_or(STACK);
        // SAFETY: the caller promises it.
        unsafe { spawn_unchecked(f, self.name, size, Location::caller(), None) }.map(JoinHandle)
    }

    /// See [`std::thread::Builder::spawn_scoped`].
    ///
    /// # Errors
    /// As for `spawn`.
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
        let size = self.stack_size.unwrap_or(STACK);
        let data = scope.data.clone();
        data.running.set(data.running.get() + 1);
        // SAFETY: `scope` does not return before all of its threads have left.
        let handle = unsafe { spawn_unchecked(f, self.name, size, Location::caller(), Some(data)) };
        if handle.is_err() {
            scope.data.running.set(scope.data.running.get() - 1);
        }
        handle.map(|handle| ScopedJoinHandle {
            handle,
            data: scope.data.clone(),
            _scope: PhantomData,
        })
    }
}

/// See [`std::thread::current`].
#[must_use]
pub fn current() -> Thread {
    std::thread_local! {
        static OUTSIDE: Thread = Thread::main("main");
    }
    with(|x| x.tasks[x.current].handle.clone()).unwrap_or_else(|| OUTSIDE.with(Clone::clone))
}

/// See [`std::thread::yield_now`].
#[track_caller]
pub fn yield_now() {
    point(Kind::Yield, 0, Location::caller());
}

/// See [`std::thread::panicking`].
#[must_use]
pub fn panicking() -> bool {
    exec::panicking()
}

/// See [`std::thread::available_parallelism`].
///
/// # Errors
/// Never.
pub fn available_parallelism() -> io::Result<NonZero<usize>> {
    // A small number keeps pools that follow it explorable, and the same on every machine.
    Ok(NonZero::new(2).unwrap_or(NonZero::<usize>::MIN))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 4)
}

/// When a timeout of `duration` that starts now is due.
pub(crate) fn due_in(duration: Duration) -> Option<u64> {
    with(|x| x.clock.saturating_add(nanos(duration)))
}

/// See [`std::thread::sleep`].
#[track_caller]
pub fn sleep(duration: Duration) {
    if !exec::active() {
        std::thread::sleep(duration);
        return;
    }
    let at = Location::caller();
    exec::publish(Kind::Sleep, 0, at);
    if duration.is_zero() {
        point(Kind::Yield, 0, at);
    } else {
        block(due_in(duration));
    }
}

/// See [`std::thread::sleep_until`].
#[track_caller]
pub fn sleep_until(deadline: Instant) {
    let now = Instant::now();
    if let Some(delay) = deadline.checked_duration_since(now) {
        sleep(delay);
    }
}

/// See `std::thread::sleep_ms`.
#[track_caller]
pub fn sleep_ms(ms: u32) {
    sleep(Duration::from_millis(u64::from(ms)));
}

/// See [`std::thread::park`].
#[track_caller]
pub fn park() {
    park_until(None, Location::caller());
}

/// See [`std::thread::park_timeout`].
#[track_caller]
pub fn park_timeout(duration: Duration) {
    park_until(Some(duration), Location::caller());
}

fn park_until(timeout: Option<Duration>, at: &'static Location<'static>) {
    if !exec::active() {
        return;
    }
    let key = current().key();
    point(Kind::Park, key, at);
    let token = with(|x| {
        let me = x.current;
        std::mem::take(&mut x.tasks[me].token)
    });
    if token == Some(false) {
        block(timeout.and_then(due_in));
        with(|x| {
            let me = x.current;
            x.tasks[me].token = false;
        });
    }
    moved();
}

/// See [`std::os::unix::thread::RawPthread`].
pub type RawPthread = libc::pthread_t;

/// See [`std::os::unix::thread::JoinHandleExt`]. A coroutine has no pthread of its own: both
/// methods give the OS thread that all of them share.
pub trait JoinHandleExt {
    /// See std.
    fn as_pthread_t(&self) -> RawPthread;
    /// See std.
    fn into_pthread_t(self) -> RawPthread;
}

impl<T> JoinHandleExt for JoinHandle<T> {
    fn as_pthread_t(&self) -> RawPthread {
        // SAFETY: always succeeds.
        unsafe { libc::pthread_self() }
    }

    fn into_pthread_t(self) -> RawPthread {
        self.as_pthread_t()
    }
}
