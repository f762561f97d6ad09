//! Coroutines that run one closure after another, so that a stack is mapped once and used often.
//!
//! These are the coroutines that shuttle's engine runs on. The engine itself is not used: it
//! decides which thread may run without knowing what the thread is about to do, reports a deadlock
//! by a panic, and has no timeouts.

use std::cell::Cell;
use std::rc::Rc;

use corosensei::stack::{DefaultStack, Stack as _};
use corosensei::{Coroutine, CoroutineResult, Yielder};

type Body = Box<dyn FnOnce()>;

#[derive(PartialEq, Eq)]
enum Out {
    Suspended,
    Finished,
}

/// The yielder of a running coroutine, valid while the coroutine lives.
pub(crate) type YielderPtr = *const ();

pub(crate) struct Coro {
    inner: Coroutine<(), Out, ()>,
    body: Rc<Cell<Option<Body>>>,
    yielder: Rc<Cell<YielderPtr>>,
    /// Lowest usable address of the stack.
    limit: usize,
    /// The stack's upper end, where it begins.
    pub(crate) base: usize,
    busy: bool,
}

impl Coro {
    fn new(stack_size: usize) -> Option<Self> {
        let body: Rc<Cell<Option<Body>>> = Rc::default();
        let yielder = Rc::new(Cell::new(std::ptr::null()));
        let (inner_body, inner_yielder) = (body.clone(), yielder.clone());
        let stack = DefaultStack::new(stack_size).ok()?;
        let (limit, base) = (stack.limit().get(), stack.base().get());
        let inner = Coroutine::with_stack(stack, move |y: &Yielder<(), Out>, ()| {
            inner_yielder.set(std::ptr::from_ref(y).cast());
            loop {
                if let Some(body) = inner_body.take() {
                    body();
                }
                y.suspend(Out::Finished);
            }
        });
        Some(Self {
            inner,
            body,
            yielder,
            limit,
            base,
            busy: false,
        })
    }

    /// Runs until the body suspends (`false`) or returns (`true`).
    pub(crate) fn resume(&mut self) -> bool {
        crate::journal::stack(self.limit);
        match self.inner.resume(()) {
            CoroutineResult::Yield(Out::Suspended) => false,
            CoroutineResult::Yield(Out::Finished) | CoroutineResult::Return(()) => {
                self.busy = false;
                true
            }
        }
    }

    /// Where the yielder is found once the coroutine runs.
    pub(crate) fn yielder(&self) -> Rc<Cell<YielderPtr>> {
        self.yielder.clone()
    }
}

impl Drop for Coro {
    fn drop(&mut self) {
        // SAFETY: what is on the stack is leaked. A thread that is abandoned in the middle never
        // runs again, and unwinding it would run destructors of the explored program at a point
        // where the program itself would not.
        unsafe { self.inner.force_reset() };
    }
}

/// Suspends the coroutine that `yielder` belongs to.
pub(crate) fn suspend(yielder: YielderPtr) {
    // SAFETY: the pointer came from `Coro::yielder` of the coroutine that is running now, and the
    // reference it was made from lives as long as the coroutine's closure, which never returns.
    let yielder = unsafe { &*yielder.cast::<Yielder<(), Out>>() };
    yielder.suspend(Out::Suspended);
}

/// Idle coroutines by their stack size.
#[derive(Default)]
pub(crate) struct Pool {
    idle: Vec<Coro>,
}

/// Big enough for formatting and deep generic code in unoptimised builds. Mapped lazily.
pub(crate) const STACK: usize = 1 << 20;

impl Pool {
    pub(crate) fn start(&mut self, stack_size: usize, body: Body) -> Option<Coro> {
        let mut coro = match self.idle.pop() {
            Some(coro) if stack_size <= STACK => coro,
            _ => Coro::new(stack_size.max(STACK))?,
        };
        coro.body.set(Some(body));
        coro.busy = true;
        Some(coro)
    }

    /// Takes back a coroutine; one that is still in the middle of its body is dropped.
    pub(crate) fn recycle(&mut self, coro: Coro) {
        if !coro.busy && self.idle.len() < 256 {
            self.idle.push(coro);
        }
    }
}
