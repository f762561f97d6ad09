//! Which guards live where: forward data flow over one function.
//!
//! May-sets join by union, must-sets by intersection. Sets are rows of bits,
//! one bit for each guard, and only functions with guards are looked at.

use std::collections::VecDeque;

use rustc_hash::FxHashMap as HashMap;

use super::graph::{self, Graph};
use super::sources::{Returned, Source};
use super::{EventRef, GuardInfo, Held};
use crate::program::*;

/// So many locks are looked at where more are held: what follows grows with their square.
const MAX_HELD: usize = 64;

/// Held sets before each event of one function.
#[derive(Debug, Default)]
pub(super) struct HeldSets {
    guards: Vec<Option<GuardInfo>>,
    /// Per guard, per lock of [`GuardInfo::locks`]: guesses behind it.
    guesses: Vec<Vec<u8>>,
    sets: Vec<Vec<Held>>,
    /// Per set: the parameters whose guards are still there, and whether on every path.
    given: Vec<Vec<(u16, bool)>>,
    /// Per event, in order of blocks: which of `sets`. The first one is empty.
    at: Vec<u32>,
    /// Per block, where its events start in `at`.
    starts: Vec<u32>,
    /// Sets from which what is beyond [`MAX_HELD`] was left out.
    pub(super) dropped: usize,
}

impl HeldSets {
    /// The sets of `function`.
    pub(super) fn of(
        program: &Program,
        graph: &Graph,
        returned: &Returned,
        function: FnId,
    ) -> Self {
        let f = &program.functions[function.index()];
        if f.guards.is_empty() {
            return HeldSets::default();
        }
        let mut sets = HeldSets {
            sets: vec![Vec::new()],
            given: vec![Vec::new()],
            ..HeldSets::default()
        };
        sets.name_guards(program, graph, returned, function);
        sets.flow(f);
        sets
    }

    /// What is held before `at`.
    pub(super) fn before(&self, at: EventRef) -> &[Held] {
        self.set_at(at)
            .and_then(|set| self.sets.get(set as usize))
            .map_or(&[], Vec::as_slice)
    }

    /// Whether the guard that came in as parameter `param` is still there before
    /// `at`: on every path (`Some(true)`), or on some.
    pub(super) fn given_before(&self, at: EventRef, param: u16) -> Option<bool> {
        let given = self.given.get(self.set_at(at)? as usize)?;
        given
            .iter()
            .find(|(given, _)| *given == param)
            .map(|&(_, must)| must)
    }

    fn set_at(&self, at: EventRef) -> Option<u32> {
        let start = self.starts.get(at.block.index())?;
        self.at.get(*start as usize + at.index as usize).copied()
    }

    pub(super) fn guard(&self, guard: GuardId) -> Option<&GuardInfo> {
        self.guards.get(guard.index())?.as_ref()
    }

    /// Guesses behind the claim that `held` holds `held.lock`.
    pub(super) fn guesses(&self, held: &Held) -> u8 {
        let position = self
            .guard(held.guard)
            .and_then(|info| info.locks.iter().position(|h| h.lock == held.lock));
        let by_lock = self
            .guesses
            .get(held.guard.index())
            .zip(position)
            .and_then(|(all, at)| all.get(at));
        by_lock
            .copied()
            .unwrap_or(0)
            .saturating_add(u8::from(!held.must) + u8::from(held.sometimes))
    }

    fn name_guards(
        &mut self,
        program: &Program,
        graph: &Graph,
        returned: &Returned,
        function: FnId,
    ) {
        let count = program.functions[function.index()].guards.len();
        self.guards = vec![None; count];
        self.guesses = vec![Vec::new(); count];
        for (at, event) in graph::events_of(program, function) {
            let EventKind::Acquire {
                guard,
                mode,
                blocking,
                ..
            } = event.kind
            else {
                continue;
            };
            let Some(slot) = self.guards.get_mut(guard.index()) else {
                continue;
            };
            let mut sources = returned.of_acquire(program, graph, at, event);
            if sources.is_empty() {
                sources.push(Source {
                    lock: unknown(),
                    mode,
                    via: Vec::new(),
                    guesses: 0,
                });
            }
            let info = slot.get_or_insert_with(|| GuardInfo {
                acquire: at,
                blocking,
                locks: Vec::new(),
            });
            for source in sources {
                if info.locks.iter().all(|held| held.lock != source.lock) {
                    self.guesses[guard.index()].push(source.guesses);
                    let Source {
                        lock, mode, via, ..
                    } = source;
                    info.locks.push(Held {
                        guard,
                        lock,
                        mode,
                        must: true,
                        sometimes: false,
                        site: event.site,
                        via,
                    });
                }
            }
        }
        for info in self
            .guards
            .iter_mut()
            .flatten()
            .filter(|info| info.locks.len() > 1)
        {
            for held in &mut info.locks {
                held.must = false;
            }
        }
    }

    fn flow(&mut self, f: &Function) {
        let width = f.guards.len().div_ceil(64);
        let entry = fixpoint(f, width);
        let mut known: HashMap<State, u32> = HashMap::default();
        for (block, state) in f.blocks.iter().zip(entry) {
            self.starts.push(self.at.len() as u32);
            let Some(mut state) = state else {
                // No path leads here.
                self.at.extend(block.events.iter().map(|_| 0));
                continue;
            };
            for event in &block.events {
                let next = self.sets.len() as u32;
                let set = match known.get(&state) {
                    _ if state.may.iter().all(|word| *word == 0) => 0,
                    Some(&set) => set,
                    None => {
                        let mut held = self.expand(&state);
                        self.dropped += usize::from(held.len() > MAX_HELD);
                        held.truncate(MAX_HELD);
                        self.sets.push(held);
                        self.given.push(given(f, &state));
                        known.insert(state.clone(), next);
                        next
                    }
                };
                self.at.push(set);
                state.step(event);
            }
        }
    }

    fn expand(&self, state: &State) -> Vec<Held> {
        let mut held = Vec::new();
        for (index, info) in self.guards.iter().enumerate() {
            let Some(info) = info.as_ref().filter(|_| bit(&state.may, index)) else {
                continue;
            };
            if held.len() > MAX_HELD {
                break;
            }
            let must = bit(&state.must, index);
            let sometimes = !bit(&state.passed, index);
            held.extend(info.locks.iter().map(|lock| Held {
                must: lock.must && must,
                sometimes,
                ..lock.clone()
            }));
        }
        held
    }
}

/// The parameters whose guards are there in `state`.
fn given(f: &Function, state: &State) -> Vec<(u16, bool)> {
    let guards = f.guards.iter().enumerate();
    guards
        .filter(|(index, _)| bit(&state.may, *index))
        .filter_map(|(index, guard)| Some((guard.given?, bit(&state.must, index))))
        .collect()
}

fn unknown() -> ObjectRef {
    ObjectRef {
        class: None,
        place: Place {
            root: Root::Opaque(u32::MAX),
            path: Vec::new(),
        },
        exclusive: false,
        field: None,
    }
}

type Row = Vec<u64>;

fn bit(row: &Row, index: usize) -> bool {
    row.get(index / 64)
        .is_some_and(|word| word >> (index % 64) & 1 == 1)
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    may: Row,
    must: Row,
    /// Taken on every path to here, and perhaps let go since.
    passed: Row,
}

impl State {
    fn step(&mut self, event: &Event) {
        // A wait gives its guard back, a returned guard lives to the end.
        let (guard, live) = match event.kind {
            EventKind::Acquire { guard, .. } => (guard, true),
            EventKind::Release { guard, .. } => (guard, false),
            _ => return,
        };
        let not_taken = matches!(
            event.kind,
            EventKind::Release {
                why: ReleaseWhy::NotTaken,
                ..
            }
        );
        let mask = 1_u64 << (guard.index() % 64);
        let set = |row: &mut Row, live: bool| {
            if let Some(word) = row.get_mut(guard.index() / 64) {
                if live { *word |= mask } else { *word &= !mask }
            }
        };
        set(&mut self.may, live);
        set(&mut self.must, live);
        if live || not_taken {
            set(&mut self.passed, live);
        }
    }

    /// Joins `other` in; true if that changed anything.
    fn join(&mut self, other: &State) -> bool {
        let before = self.clone();
        for (word, more) in self.may.iter_mut().zip(&other.may) {
            *word |= more;
        }
        for (word, more) in self.must.iter_mut().zip(&other.must) {
            *word &= more;
        }
        for (word, more) in self.passed.iter_mut().zip(&other.passed) {
            *word &= more;
        }
        *self != before
    }
}

/// The state at the start of each block; `None` where no path leads.
fn fixpoint(f: &Function, width: usize) -> Vec<Option<State>> {
    let mut entry: Vec<Option<State>> = vec![None; f.blocks.len()];
    let Some(first) = entry.first_mut() else {
        return entry;
    };
    let mut given = vec![0; width];
    for (index, _) in (f.guards.iter().enumerate()).filter(|(_, guard)| guard.given.is_some()) {
        given[index / 64] |= 1_u64 << (index % 64);
    }
    *first = Some(State {
        may: given.clone(),
        must: given.clone(),
        passed: given,
    });
    let mut queued = vec![false; f.blocks.len()];
    let mut work = VecDeque::from([0_usize]);
    while let Some(index) = work.pop_front() {
        queued[index] = false;
        let Some(mut state) = entry[index].clone() else {
            continue;
        };
        for event in &f.blocks[index].events {
            state.step(event);
        }
        for successor in f.blocks[index]
            .successors
            .iter()
            .map(|id| id.index())
            .filter(|&id| id < f.blocks.len())
        {
            let changed = match &mut entry[successor] {
                Some(known) => known.join(&state),
                slot => {
                    *slot = Some(state.clone());
                    true
                }
            };
            if changed && !queued[successor] {
                queued[successor] = true;
                work.push_back(successor);
            }
        }
    }
    entry
}
