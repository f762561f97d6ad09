//! What makes a statement worth moving out of a critical section.
//!
//! "Could be shorter" alone is no reason: a maintainer thanks for a loop, a
//! sort or terminal output that leaves the section, not for a `format!`.

use conclint_facts::{
    Analysis, Call, Event, EventKind, FnId, Function, Resolution, StmtKind, WorkKind,
};

use crate::flow::{Point, events, goes_round, loops_in_a_loop, reaches};

/// What functions do, calls included.
pub(super) struct Weights<'a> {
    analysis: &'a Analysis,
    /// By function: it does something that others see, or may do so.
    seen_outside: Vec<bool>,
}

impl<'a> Weights<'a> {
    pub(super) fn of(analysis: &'a Analysis) -> Self {
        let program = analysis.program();
        Weights {
            analysis,
            seen_outside: analysis.runners().reaching(program, seen_outside),
        }
    }

    /// Whether the call only computes: no locks, channels or shared state
    /// behind it, and nothing unknown.
    pub(super) fn only_computes(&self, call: &Call) -> bool {
        let known = match call.resolution {
            Resolution::External | Resolution::FirstUse => true,
            Resolution::Exact | Resolution::Trait => !call.targets.is_empty(),
            Resolution::ByName => false,
            Resolution::Unknown => sounds_harmless(&call.name),
        };
        let mut reached = call
            .targets
            .iter()
            .copied()
            .chain(call.args.iter().filter_map(|arg| arg.closure));
        known
            && call.args.iter().all(|arg| arg.guards.is_empty())
            && reached.all(|f| self.seen_outside.get(f.index()) == Some(&false))
    }

    /// Whether the event alone is worth moving: the function called works
    /// itself, whatever those that it calls do.
    pub(super) fn is_heavy(&self, event: &Event) -> bool {
        match &event.kind {
            EventKind::Work { kind, .. } => *kind == WorkKind::Heavy,
            EventKind::Call(call) => match call.targets.as_slice() {
                [one] => self.loops(*one),
                _ => false,
            },
            _ => false,
        }
    }

    /// Adds an event's weight.
    pub(super) fn add(&self, weight: &mut Weight, event: &Event, in_loop: bool) {
        match &event.kind {
            EventKind::Work { kind, what } => match kind {
                WorkKind::Print if is_output(what) => weight.reason(format!("`{what}`")),
                WorkKind::Heavy => weight.reason(format!("`{what}`")),
                // What an error says is put together on the way out.
                _ if in_loop && !matches!(what.as_str(), "anyhow!" | "eyre!" | "bail!") => {
                    weight.repeated(what);
                }
                _ => {}
            },
            EventKind::Call(call) => {
                if call
                    .targets
                    .iter()
                    .any(|target| self.works(*target, in_loop))
                {
                    weight.sure(format!("`{}`, which loops", call.name));
                } else if call.targets.iter().any(|target| self.loops(*target)) {
                    weight.called(format!("`{}`, which loops", call.name));
                } else if in_loop {
                    weight.repeated(&call.name);
                }
            }
            _ => {}
        }
    }

    /// Whether a function surely takes its time: it does something that costs,
    /// in a loop or by its nature, or it counts. Other loops run over a handful of
    /// things, mostly.
    fn works(&self, function: FnId, in_loop: bool) -> bool {
        let function = self.analysis.function(function);
        let costly = |(at, event): (Point, &Event)| match &event.kind {
            EventKind::Work { kind, what } => {
                *kind == WorkKind::Heavy || reaches(function, at, at) && costs(what)
            }
            EventKind::Call(call) => reaches(function, at, at) && costs(&call.name),
            _ => false,
        };
        (loops_in_a_loop(function) || in_loop && goes_round(function))
            && (function.counts || events(function).any(costly))
    }

    /// Whether a function works itself, whatever those that it calls do.
    fn loops(&self, function: FnId) -> bool {
        let functions = &self.analysis.program().functions;
        functions.get(function.index()).is_some_and(loops)
    }
}

/// Whether a call that is not resolved most likely only computes, by the words
/// of its name: nothing in it speaks of an effect on others.
fn sounds_harmless(name: &str) -> bool {
    let last = name.rsplit(['.', ':']).next().unwrap_or(name);
    let speaks = |word: &str| EFFECTS.contains(&word);
    last.chars().next().is_some_and(char::is_lowercase) && !last.split('_').any(speaks)
}

/// Words for what others see, or what has its place in an order.
const EFFECTS: &[&str] = &[
    "abort",
    "accept",
    "acquire",
    "add",
    "advance",
    "append",
    "apply",
    "await",
    "begin",
    "block",
    "broadcast",
    "call",
    "cancel",
    "clear",
    "close",
    "commit",
    "complete",
    "connect",
    "consume",
    "deliver",
    "delete",
    "dispatch",
    "drain",
    "drop",
    "emit",
    "end",
    "enqueue",
    "enter",
    "execute",
    "exit",
    "finish",
    "flush",
    "free",
    "handle",
    "inc",
    "init",
    "insert",
    "invoke",
    "join",
    "kill",
    "load",
    "lock",
    "log",
    "mark",
    "notify",
    "observe",
    "open",
    "poll",
    "pop",
    "post",
    "process",
    "publish",
    "push",
    "put",
    "read",
    "record",
    "recv",
    "register",
    "release",
    "remove",
    "report",
    "request",
    "reset",
    "resume",
    "run",
    "save",
    "schedule",
    "send",
    "set",
    "shutdown",
    "signal",
    "sleep",
    "spawn",
    "start",
    "stop",
    "store",
    "submit",
    "suspend",
    "swap",
    "sync",
    "take",
    "trigger",
    "truncate",
    "try",
    "unlock",
    "unpark",
    "unregister",
    "update",
    "wait",
    "wake",
    "write",
    "yield",
];

/// Output that goes out at once; logging is a matter of levels and sinks.
fn is_output(what: &str) -> bool {
    matches!(
        what.trim_end_matches('!'),
        "print" | "println" | "eprint" | "eprintln" | "dbg"
    )
}

/// Something that another thread, another process or the order of locks can
/// tell. That goes for a look at an atomic, too: what it says may hold only as
/// long as the lock is held.
fn seen_outside(function: &Function) -> bool {
    function
        .blocks
        .iter()
        .flat_map(|block| &block.events)
        .any(|event| match &event.kind {
            EventKind::Work { .. }
            | EventKind::Release { .. }
            | EventKind::Test { .. }
            | EventKind::Insist { .. }
            | EventKind::Take { .. }
            | EventKind::EndsOn { .. }
            | EventKind::Closed { .. }
            | EventKind::Asks { .. }
            | EventKind::Other => false,
            EventKind::Call(call) => match call.resolution {
                Resolution::External | Resolution::FirstUse => false,
                Resolution::Exact | Resolution::Trait => call.targets.is_empty(),
                Resolution::ByName | Resolution::Unknown => true,
            },
            _ => true,
        })
}

fn loops(function: &Function) -> bool {
    function
        .stmts
        .iter()
        .any(|stmt| stmt.kind == StmtKind::Loop)
}

/// What makes each round cost something, by the last part of its name: it
/// encodes, decodes, formats or copies texts and buffers.
const COSTS: &[&str] = &[
    "compress",
    "concat",
    "decode",
    "decompress",
    "decrypt",
    "deserialize",
    "encode",
    "encrypt",
    "extend",
    "format",
    "hash",
    "into_bytes",
    "join",
    "parse",
    "push_str",
    "put",
    "replace",
    "replacen",
    "serialize",
    "sign",
    "to_json",
    "to_string",
    "to_vec",
    "vec",
    "verify",
    "write",
    "writeln",
];

/// Whether the call costs something by its name.
fn costs(what: &str) -> bool {
    let name = what
        .rsplit([':', '.'])
        .next()
        .unwrap_or(what)
        .trim_end_matches('!');
    COSTS.contains(&name)
        || [
            "from_",
            "put_",
            "parse_",
            "encode_",
            "decode_",
            "extend_",
            "serialize_",
        ]
        .iter()
        .any(|start| name.starts_with(start))
}

/// The weight of a statement.
#[derive(Debug, Default)]
pub(super) struct Weight {
    reasons: Vec<String>,
    repeated: Vec<String>,
    looped: bool,
    /// How many of the reasons are calls to functions that loop.
    called: usize,
    /// One of the reasons takes its time whatever there is to do.
    sure: bool,
}

impl Weight {
    fn reason(&mut self, reason: String) {
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    fn sure(&mut self, reason: String) {
        self.reason(reason);
        self.sure = true;
    }

    /// Whether it is over soon where there is little to do.
    pub(super) fn may_be_small(&self) -> bool {
        !self.sure
    }

    fn called(&mut self, reason: String) {
        let before = self.reasons.len();
        self.reason(reason);
        self.called += self.reasons.len() - before;
    }

    /// Whether nothing weighs but calls to functions that loop.
    pub(super) fn is_by_call(&self) -> bool {
        self.repeated.is_empty() && self.reasons.len() == self.called
    }

    /// It holds a loop, whatever is in it.
    pub(super) fn looped(&mut self) {
        self.looped = true;
    }

    fn repeated(&mut self, what: &str) {
        if !self.repeated.iter().any(|known| known == what) {
            self.repeated.push(what.to_owned());
        }
    }

    /// Whether it is worth moving for its own sake. A loop alone is not: most
    /// run over a handful of things; nor is one that only looks at them.
    pub(super) fn is_reason(&self) -> bool {
        !self.reasons.is_empty() || self.repeated.iter().any(|what| costs(what))
    }

    /// Whether nothing weighs but sorting, and making each a text.
    pub(super) fn only_sorts(&self) -> bool {
        let sorts = |what: &String| what.starts_with("`sort");
        let costs = |what: &String| costs(what) && what != "to_string";
        self.reasons.iter().all(sorts) && !self.repeated.iter().any(costs)
    }

    /// Whether it is more than a call that happens to be repeated.
    pub(super) fn is_heavy(&self) -> bool {
        self.looped || !self.reasons.is_empty()
    }

    /// In words.
    pub(super) fn reasons(&self) -> Vec<String> {
        let mut all = Vec::new();
        match self.repeated.first() {
            Some(first) => all.push(format!("a loop around `{first}`")),
            None if self.looped => all.push("a loop".to_owned()),
            None => {}
        }
        all.extend(self.reasons.iter().cloned());
        all
    }
}
