//! Runs executions from their start to their end.

use std::any::Any;
use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;

use conclint_schedule::{Deviation, Strategy};

use super::{BUSY, EXEC, End, Exec, Id, Panicked, Settings, State, Task};
use crate::coro::{self, Pool};
use crate::op::{Event, Kind};
use crate::tape::Played;
use crate::thread::Thread;

impl Exec {
    pub(super) fn finish(&mut self, id: Id) {
        self.tasks[id].state = State::Done;
        self.live.retain(|live| *live != id);
        if let Some(coro) = self.tasks[id].coro.take() {
            self.pool.recycle(coro);
        }
        let object = self.tasks[id].handle.key();
        self.wake(object, |t| t.op.kind == Kind::Join);
        self.last_progress = self.steps;
        if id == 0 {
            self.main_ended_at = Some(self.steps);
            self.left = self.with_work();
        }
    }

    /// The threads that have something to do and could, but for the main thread's end. Who gives
    /// something back, or waits for others, has not.
    fn with_work(&self) -> Vec<Left> {
        let works = |task: &Task| match task.op.kind {
            Kind::Start | Kind::Lock | Kind::Read | Kind::Write | Kind::Sleep | Kind::Send => true,
            Kind::Store | Kind::Rmw | Kind::Cas | Kind::Spawn => task.state == State::Ready,
            _ => false,
        };
        let live = self.live.iter().filter(|id| works(&self.tasks[**id]));
        live.map(|id| Left {
            thread: *id,
            name: self.tasks[*id].handle.label(*id),
            at: self.tasks[*id].op.at,
        })
        .collect()
    }

    /// Runs threads until the execution is over.
    fn drive(exec: *mut Self) {
        loop {
            // SAFETY: between resumptions nothing else uses the execution.
            let x = unsafe { &mut *exec };
            let id = x.current;
            let Some(mut coro) = x.tasks[id].coro.take() else {
                return;
            };
            // The runtime's own allocations must not be taken for the program's.
            BUSY.set(false);
            let done = coro.resume();
            BUSY.set(true);
            // SAFETY: as above; the thread that ran may have added threads.
            let x = unsafe { &mut *exec };
            x.tasks[id].coro = Some(coro);
            if done {
                x.finish(id);
                if x.live.is_empty() || !x.choose() {
                    return;
                }
            } else if x.over {
                return;
            }
        }
    }
}

/// A thread that the end of the main thread has cut off.
#[derive(Clone, Debug)]
pub struct Left {
    thread: Id,
    /// Its name.
    pub name: String,
    /// Where it stood.
    pub at: &'static Location<'static>,
}

/// What an execution left behind.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// Where the schedule left the default.
    pub deviations: Vec<Deviation>,
    /// The operations, where they were recorded.
    pub events: Vec<Event>,
    /// Operations before those.
    pub events_dropped: usize,
    /// Panics in order.
    pub panics: Vec<Panicked>,
    /// What the payload says that ended the main thread.
    pub payload: Option<String>,
    /// Operations taken.
    pub steps: u64,
    /// Decisions that a strategy answered.
    pub decisions: u64,
    /// Those that took the processor from a thread that could have gone on.
    pub preemptions: u64,
    /// For how long, in nanoseconds, threads that could move were held up by early timeouts.
    pub held_up: u64,
    /// Stacks that cut-off threads have cost since the runner began.
    pub leaked: usize,
    /// A static was written.
    pub touched_static: Option<&'static Location<'static>>,
    /// Stands for all executions that differ from it in the order of independent steps only.
    pub trace: u64,
    /// The unfinished threads at a deadlock or at the step bound.
    pub stuck: Vec<crate::explain::Stuck>,
    /// Names of the threads.
    pub threads: Vec<String>,
    /// Threads with work before them when the main thread ended, which do end when they may go on.
    pub left: Vec<Left>,
    /// A `Relaxed` load or store of the project's own text, which was taken as a stronger one.
    pub weak: Option<&'static Location<'static>>,
    /// What stands for them where they are the object of an operation.
    pub thread_keys: Vec<usize>,
}

impl Outcome {
    /// What is known of an execution whose process died.
    pub(crate) fn cut_off(played: Played, deviations: Vec<Deviation>) -> Self {
        // The main thread is nobody's to start; who parks there is named as an object.
        let started = played.events.iter().filter(|e| e.kind == Kind::Spawn);
        let keys = std::iter::once(0).chain(started.map(|e| e.object));
        let thread_keys = match played.dropped {
            0 => keys.collect(),
            _ => Vec::new(),
        };
        Self {
            thread_keys,
            end: End::Broken("the process died"),
            deviations,
            preemptions: played.events.iter().filter(|e| e.preempting).count() as u64,
            events: played.events,
            events_dropped: played.dropped,
            held_up: 0,
            panics: played.panics,
            payload: None,
            steps: 0,
            decisions: 0,
            leaked: 0,
            touched_static: None,
            trace: 0,
            stuck: Vec::new(),
            left: Vec::new(),
            weak: None,
            threads: played.threads,
        }
    }
}

/// A panic's payload as text.
pub(crate) fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "Box<dyn Any>".to_owned())
}

/// Runs executions one after another, sharing the stacks.
#[derive(Default)]
pub struct Runner {
    pool: Pool,
    leaked: usize,
}

impl Runner {
    /// Runs `main` once under `strategy`.
    pub fn run(
        &mut self,
        strategy: &mut (dyn Strategy + 'static),
        settings: Settings,
        main_name: &str,
        main: Box<dyn FnOnce()>,
    ) -> Outcome {
        crate::hashing::begin_anew();
        let pool = std::mem::take(&mut self.pool);
        let mut exec = Exec::new(std::ptr::from_mut(strategy), settings, pool);
        let panicked: Rc<Cell<Option<String>>> = Rc::default();
        let said = panicked.clone();
        let body = Box::new(move || {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(main));
            said.set(result.as_ref().err().map(|p| text_of(&**p)));
            // A payload's destructor belongs to the program as much as any other.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(result)));
            crate::local::run_destructors();
        });
        let main = Thread::main(main_name);
        if exec
            .spawn(main, coro::STACK, Location::caller(), body)
            .is_none()
        {
            exec.end = Some(End::Broken("no memory for a stack"));
        } else {
            let exec: *mut Exec = &raw mut exec;
            let outer = EXEC.replace(exec);
            BUSY.set(true);
            crate::cycles::WATCHED.set(false);
            Exec::drive(exec);
            crate::cycles::WATCHED.set(false);
            EXEC.set(outer);
            BUSY.set(false);
        }
        let stuck = match exec.end {
            Some(End::Deadlock | End::TooLong { .. }) => crate::explain::stuck(&exec),
            _ => Vec::new(),
        };
        let payload = panicked.take();
        let end = exec.end.take().unwrap_or(if payload.is_some() {
            End::Panicked
        } else if exec.main_ended_at.is_some() {
            End::Finished
        } else {
            End::Broken("the main thread never ended")
        });
        let trace = exec.trace_hash();
        let names = exec.tasks.iter().enumerate();
        let threads = names.map(|(id, t)| t.handle.label(id)).collect();
        exec.left
            .retain(|left| exec.tasks[left.thread].state == State::Done);
        let left = std::mem::take(&mut exec.left);
        let thread_keys = exec.tasks.iter().map(|t| t.handle.key()).collect();
        for task in exec.tasks.drain(..) {
            if let Some(coro) = task.coro {
                self.leaked += 1;
                exec.pool.recycle(coro);
            }
            // Values of threads that were cut off are leaked, like their stacks.
            std::mem::forget(task.locals);
        }
        self.pool = std::mem::take(&mut exec.pool);
        Outcome {
            end,
            deviations: std::mem::take(&mut exec.deviations),
            events: std::mem::take(&mut exec.events),
            events_dropped: exec.events_dropped,
            panics: std::mem::take(&mut exec.panics),
            payload,
            steps: exec.steps,
            decisions: exec.decisions,
            preemptions: exec.preemptions,
            held_up: exec.held_up,
            leaked: self.leaked,
            touched_static: exec.touched_static,
            trace,
            stuck,
            threads,
            left,
            weak: exec.weak,
            thread_keys,
        }
    }
}
