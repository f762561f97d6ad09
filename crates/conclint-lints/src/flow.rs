//! Small questions about one function's control flow.
//!
//! Held sets and summaries are `conclint-facts`' business; here is only what
//! can happen after what.

use std::collections::BTreeSet;

use conclint_facts::{
    Analysis, BlockId, Event, EventKind, EventRef, FnId, Function, GuardId, LocalId, ReleaseWhy,
    Resolution, Site, Stmt, StmtId, StmtKind,
};

/// A place among a function's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Point {
    pub(crate) block: BlockId,
    pub(crate) index: u32,
}

impl Point {
    pub(crate) fn of(event: EventRef) -> Self {
        Point {
            block: event.block,
            index: event.index,
        }
    }

    pub(crate) fn in_function(self, function: FnId) -> EventRef {
        EventRef {
            function,
            block: self.block,
            index: self.index,
        }
    }
}

/// All events of a function with their places, block by block.
pub(crate) fn events(function: &Function) -> impl Iterator<Item = (Point, &Event)> {
    function
        .blocks
        .iter()
        .enumerate()
        .flat_map(|(block, body)| {
            body.events.iter().enumerate().map(move |(index, event)| {
                let point = Point {
                    block: BlockId(block as u32),
                    index: index as u32,
                };
                (point, event)
            })
        })
}

/// The event at a place.
pub(crate) fn event_at(function: &Function, point: Point) -> Option<&Event> {
    function
        .blocks
        .get(point.block.index())?
        .events
        .get(point.index as usize)
}

/// The events that control can reach after `from`, until `stop` says so: the
/// event it is asked about is still visited, what follows on that path is not.
pub(crate) fn after<'f>(
    function: &'f Function,
    from: Point,
    mut visit: impl FnMut(Point, &'f Event),
    mut stop: impl FnMut(&'f Event) -> bool,
) {
    let mut entered = Blocks::of(function);
    let mut work = vec![(from.block, from.index as usize + 1)];
    while let Some((block, first)) = work.pop() {
        let Some(body) = function.blocks.get(block.index()) else {
            continue;
        };
        let mut stopped = false;
        for (index, event) in body.events.iter().enumerate().skip(first) {
            let point = Point {
                block,
                index: index as u32,
            };
            visit(point, event);
            if stop(event) {
                stopped = true;
                break;
            }
        }
        if !stopped {
            work.extend(
                body.successors
                    .iter()
                    .filter(|next| entered.insert(**next))
                    .map(|next| (*next, 0)),
            );
        }
    }
}

/// Whether control can get from the one place to the other.
pub(crate) fn reaches(function: &Function, from: Point, to: Point) -> bool {
    from.block == to.block && from.index < to.index
        || leads_to(
            function,
            successors(function, from.block).collect(),
            to.block,
        )
}

fn successors(function: &Function, block: BlockId) -> impl Iterator<Item = BlockId> {
    let body = function.blocks.get(block.index());
    body.into_iter()
        .flat_map(|body| body.successors.iter().copied())
}

/// A set of blocks of one function.
struct Blocks(Vec<bool>);

impl Blocks {
    fn of(function: &Function) -> Self {
        Self(vec![false; function.blocks.len()])
    }

    /// Whether the block was not in it. One that the function does not have
    /// never is.
    fn insert(&mut self, block: BlockId) -> bool {
        let known = self.0.get_mut(block.index());
        known.is_some_and(|known| !std::mem::replace(known, true))
    }
}

/// Whether control can get from the start of `from` to the block `to`.
pub(crate) fn leads_to_block(function: &Function, from: BlockId, to: BlockId) -> bool {
    leads_to(function, vec![from], to)
}

fn leads_to(function: &Function, mut work: Vec<BlockId>, to: BlockId) -> bool {
    let mut seen = Blocks::of(function);
    for block in &work {
        seen.insert(*block);
    }
    while let Some(block) = work.pop() {
        if block == to {
            return true;
        }
        work.extend(successors(function, block).filter(|next| seen.insert(*next)));
    }
    false
}

/// Whether control can get from the one place to the other, without going round a
/// loop that they stand in.
pub(crate) fn leads_on(function: &Function, from: Point, to: Point) -> bool {
    if from.block == to.block {
        return from.index < to.index;
    }
    let back = ways_back(function);
    let mut seen = Blocks::of(function);
    let mut work = vec![from.block];
    while let Some(block) = work.pop() {
        if block == to.block {
            return true;
        }
        let next = successors(function, block);
        let next = next.filter(|next| !back.contains(&(block, *next)) && seen.insert(*next));
        work.extend(next);
    }
    false
}

/// The ways that lead back to the head of a loop.
fn ways_back(function: &Function) -> BTreeSet<(BlockId, BlockId)> {
    let start = BlockId(0);
    let mut back = BTreeSet::new();
    let mut seen = Blocks::of(function);
    seen.insert(start);
    // Blocks on the way here, each with what it still leads to.
    let mut way: Vec<(BlockId, Vec<BlockId>)> =
        vec![(start, successors(function, start).collect())];
    while let Some((block, next)) = way.last_mut() {
        let block = *block;
        match next.pop() {
            Some(next) if way.iter().any(|(on_the_way, _)| *on_the_way == next) => {
                back.insert((block, next));
            }
            Some(next) if seen.insert(next) => {
                way.push((next, successors(function, next).collect()));
            }
            Some(_) => {}
            None => {
                way.pop();
            }
        }
    }
    back
}

/// Whether control can get through the function without coming to `at`.
pub(crate) fn passes_by(function: &Function, at: Point) -> bool {
    let mut seen = Blocks::of(function);
    seen.insert(at.block);
    let start = BlockId(0);
    let mut work: Vec<BlockId> = [start].into_iter().filter(|b| seen.insert(*b)).collect();
    while let Some(block) = work.pop() {
        if successors(function, block).next().is_none() {
            return true;
        }
        work.extend(successors(function, block).filter(|next| seen.insert(*next)));
    }
    false
}

/// Whether control can come back to some place of the function: a loop, or a
/// closure that runs once for each element.
pub(crate) fn goes_round(function: &Function) -> bool {
    // Takes away, again and again, blocks that nothing is left to lead to:
    // what stays is a loop, or behind one.
    let mut into = vec![0_usize; function.blocks.len()];
    for next in function.blocks.iter().flat_map(|block| &block.successors) {
        if let Some(count) = into.get_mut(next.index()) {
            *count += 1;
        }
    }
    let free = |(block, count): (usize, &usize)| (*count == 0).then_some(block);
    let mut work: Vec<usize> = into.iter().enumerate().filter_map(free).collect();
    let mut left = function.blocks.len();
    while let Some(block) = work.pop() {
        left -= 1;
        let next = function.blocks.get(block).map(|block| &block.successors);
        for next in next.into_iter().flatten() {
            if let Some(count) = into.get_mut(next.index()) {
                *count -= 1;
                if *count == 0 {
                    work.push(next.index());
                }
            }
        }
    }
    left > 0
}

/// Whether a loop of the function holds another one, closures that run once
/// for each element included. Of a very large function nothing is claimed.
pub(crate) fn loops_in_a_loop(function: &Function) -> bool {
    const LARGE: usize = 400;
    let blocks = function.blocks.len();
    let next = |block: usize| {
        let body = function.blocks.get(block);
        body.into_iter()
            .flat_map(|body| body.successors.iter().map(|next| next.index()))
    };
    let from = |start: usize, without: Option<usize>| {
        let mut seen = BTreeSet::new();
        let mut work = vec![start];
        while let Some(block) = work.pop() {
            let fresh = next(block).filter(|next| Some(*next) != without && seen.insert(*next));
            work.extend(fresh.collect::<Vec<_>>());
        }
        seen
    };
    if blocks > LARGE {
        return false;
    }
    let reached: Vec<BTreeSet<usize>> = (0..blocks).map(|block| from(block, None)).collect();
    let gets = |from: usize, to: usize| reached.get(from).is_some_and(|seen| seen.contains(&to));
    // Where control comes in from outside is a loop's head; without it, only
    // loops inside go round.
    let is_head = |head: usize| {
        gets(head, head)
            && (head == 0 || (0..blocks).any(|b| next(b).any(|n| n == head) && !gets(head, b)))
    };
    (0..blocks).filter(|head| is_head(*head)).any(|head| {
        let mut inside = (0..blocks).filter(|b| *b != head && gets(head, *b) && gets(*b, head));
        inside.any(|b| from(b, Some(head)).contains(&b))
    })
}

/// Whether the event ends this guard's life.
pub(crate) fn ends(event: &Event, guard: GuardId) -> bool {
    matches!(event.kind, EventKind::Release { guard: g, why } if g == guard && why != ReleaseWhy::NotTaken)
}

/// Whether the guarded data is touched, or the guard itself handed around.
pub(crate) fn touches(event: &Event, guard: GuardId) -> bool {
    match &event.kind {
        EventKind::Use { guard: g, .. } | EventKind::ReturnGuard { guard: g } => *g == guard,
        EventKind::Wait { guard: g, .. } => *g == Some(guard),
        EventKind::Call(call) => call.args.iter().any(|arg| arg.guards.contains(&guard)),
        _ => false,
    }
}

/// Whether `inner` lies in `outer`.
pub(crate) fn within(inner: Site, outer: Site) -> bool {
    inner.file == outer.file
        && (inner.line, inner.column) >= (outer.line, outer.column)
        && (inner.end_line, inner.end_column) <= (outer.end_line, outer.end_column)
}

/// Whether control never leaves the function: every path runs on for ever.
pub(crate) fn never_ends(function: &Function) -> bool {
    let mut seen = BTreeSet::from([BlockId(0)]);
    let mut work = vec![BlockId(0)];
    while let Some(block) = work.pop() {
        let Some(body) = function.blocks.get(block.index()) else {
            return false;
        };
        if body.successors.is_empty() {
            return false;
        }
        work.extend(body.successors.iter().filter(|next| seen.insert(**next)));
    }
    true
}

/// Whether the function, or one that it surely calls, never ends, unless by a
/// panic.
pub(crate) fn runs_for_ever(analysis: &Analysis, function: &Function) -> bool {
    /// Callees of callees that are looked at: `run` calls `poll_loop`.
    const DEPTH: u32 = 3;
    fn within(analysis: &Analysis, function: &Function, depth: u32) -> bool {
        never_ends(function)
            || function.never_returns
            || depth > 0
                && events(function).any(|(_, event)| match &event.kind {
                    EventKind::Call(call) if call.resolution == Resolution::Exact => {
                        let one = call.targets.as_slice();
                        matches!(one, [one] if within(analysis, analysis.function(*one), depth - 1))
                    }
                    _ => false,
                })
    }
    within(analysis, function, DEPTH)
}

/// Whether the guarded data is used in the statement `stmt`, or in the one
/// that the closure in which it stands is part of.
pub(crate) fn used_in_statement(function: &Function, guard: GuardId, stmt: StmtId) -> bool {
    let borrows = |stmt: &Stmt| {
        let named = |local: &LocalId| {
            function
                .locals
                .iter()
                .any(|l| l.id == *local && l.borrows == Some(guard))
        };
        stmt.uses.iter().any(named)
    };
    let mut next = Some(stmt);
    while let Some(id) = next {
        let Some(stmt) = function.stmts.get(id.index()) else {
            return false;
        };
        if borrows(stmt)
            || events(function).any(|(_, event)| event.stmt == id && touches(event, guard))
        {
            return true;
        }
        // Branches and loops are statements on their own.
        next = stmt.parent.filter(|parent| {
            let outer = function.stmts.get(parent.index());
            outer.is_some_and(|outer| matches!(outer.kind, StmtKind::Let | StmtKind::Expr))
        });
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use conclint_facts::{Block, FileId, Site};

    const SITE: Site = Site {
        file: FileId(0),
        line: 1,
        column: 1,
        end_line: 1,
        end_column: 2,
    };

    fn use_of(guard: u32) -> Event {
        Event {
            kind: EventKind::Use {
                guard: GuardId(guard),
                write: false,
            },
            site: SITE,
            stmt: StmtId(0),
        }
    }

    fn release(guard: u32, why: ReleaseWhy) -> Event {
        Event {
            kind: EventKind::Release {
                guard: GuardId(guard),
                why,
            },
            site: SITE,
            stmt: StmtId(0),
        }
    }

    fn block(events: Vec<Event>, successors: &[u32]) -> Block {
        Block {
            events,
            successors: successors.iter().copied().map(BlockId).collect(),
        }
    }

    fn function(blocks: Vec<Block>) -> Function {
        Function {
            blocks,
            ..Function::new("f".into(), SITE)
        }
    }

    fn at(block: u32, index: u32) -> Point {
        Point {
            block: BlockId(block),
            index,
        }
    }

    #[test]
    fn a_loop_in_a_loop() {
        let of = |edges: &[&[u32]]| {
            let blocks = edges.iter().map(|next| block(vec![], next)).collect();
            loops_in_a_loop(&function(blocks))
        };
        let round = |edges: &[&[u32]]| {
            let blocks = edges.iter().map(|next| block(vec![], next)).collect();
            goes_round(&function(blocks))
        };
        assert!(!round(&[&[1, 2], &[3], &[3], &[]]));
        assert!(round(&[&[1], &[2, 3], &[1], &[]]));
        // A branch in a loop, two loops in a row, a loop in a loop.
        assert!(!of(&[&[1], &[2, 5], &[3, 4], &[1], &[1], &[]]));
        assert!(!of(&[&[1], &[1, 2], &[2, 3], &[]]));
        assert!(of(&[&[1], &[2, 4], &[3], &[3, 1], &[]]));
    }

    #[test]
    fn what_follows_what() {
        // 0 -> 1 -> 2, 1 -> 1
        let f = function(vec![
            block(vec![use_of(0), use_of(1)], &[1]),
            block(vec![use_of(2)], &[1, 2]),
            block(vec![use_of(3)], &[]),
        ]);
        assert!(reaches(&f, at(0, 0), at(0, 1)) && !reaches(&f, at(0, 1), at(0, 0)));
        assert!(reaches(&f, at(0, 0), at(2, 0)) && !reaches(&f, at(2, 0), at(1, 0)));
        assert!(
            reaches(&f, at(1, 0), at(1, 0)),
            "a loop comes back to itself"
        );
        assert!(!reaches(&f, at(0, 0), at(0, 0)));
    }

    #[test]
    fn what_follows_in_one_round() {
        // A loop (1) with a branch (2 or 3), and what comes behind it (4).
        let next: [&[u32]; 5] = [&[1], &[2, 3, 4], &[1], &[1], &[]];
        let blocks = next.map(|next| block(vec![use_of(0)], next));
        let f = function(blocks.into());
        assert!(reaches(&f, at(2, 0), at(3, 0)) && !leads_on(&f, at(2, 0), at(3, 0)));
        assert!(reaches(&f, at(3, 0), at(2, 0)) && !leads_on(&f, at(3, 0), at(2, 0)));
        assert!(leads_on(&f, at(0, 0), at(3, 0)) && leads_on(&f, at(1, 0), at(4, 0)));
    }

    #[test]
    fn ways_around_a_place() {
        // 0 -> 1 | 2, 1 -> 3, 2 -> 3
        let f = function(vec![
            block(vec![], &[1, 2]),
            block(vec![use_of(0)], &[3]),
            block(vec![], &[3]),
            block(vec![use_of(1)], &[]),
        ]);
        assert!(passes_by(&f, at(1, 0)));
        assert!(!passes_by(&f, at(3, 0)) && !passes_by(&f, at(0, 0)));
    }

    #[test]
    fn a_walk_stops_behind_the_event_it_is_told() {
        let f = function(vec![
            block(
                vec![use_of(0), release(0, ReleaseWhy::NotTaken), use_of(0)],
                &[1],
            ),
            block(vec![release(0, ReleaseWhy::Dropped), use_of(1)], &[]),
        ]);
        let mut seen = Vec::new();
        after(
            &f,
            at(0, 0),
            |point, _| seen.push(point),
            |event| ends(event, GuardId(0)),
        );
        assert_eq!(
            seen,
            [at(0, 1), at(0, 2), at(1, 0)],
            "a lock that was not taken ends nothing"
        );
    }

    #[test]
    fn loops_that_never_end() {
        assert!(never_ends(&function(vec![
            block(vec![], &[1]),
            block(vec![], &[1])
        ])));
        assert!(!never_ends(&function(vec![
            block(vec![], &[1]),
            block(vec![], &[1, 2]),
            block(vec![], &[])
        ])));
        assert!(!never_ends(&function(vec![])));
        assert!(
            !never_ends(&function(vec![block(vec![], &[7])])),
            "a broken graph claims nothing"
        );
    }
}
