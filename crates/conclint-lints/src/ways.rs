//! Which way a test goes, and what happens only there.

use std::collections::BTreeSet;

use conclint_facts::{BlockId, Function};

use crate::flow::{Point, leads_to_block};

/// Whether `to` is reached after `test` only if the test goes one way.
pub(crate) fn decides(function: &Function, test: Point, to: Point) -> bool {
    if test.block == to.block && test.index < to.index {
        return false;
    }
    let mut reached = false;
    let mut avoided = false;
    for outcome in outcomes(function, test.block) {
        match leads_to(function, outcome, test.block, to.block) {
            true => reached = true,
            false => avoided = true,
        }
    }
    reached && avoided
}

/// Whether `to` is reached at once, whatever else, when `test` goes one way.
pub(crate) fn decides_alone(function: &Function, test: Point, to: Point) -> bool {
    decides(function, test, to)
        && outcomes(function, test.block).into_iter().any(|outcome| {
            leads_to(function, outcome, test.block, to.block)
                && !leads_past(function, outcome, to.block, test.block)
        })
}

/// Whether control can get from `from` out of the function, or back to `test`,
/// without `past`.
fn leads_past(function: &Function, from: BlockId, past: BlockId, test: BlockId) -> bool {
    let exit = BlockId(1);
    from != past && (leads_to(function, from, past, exit) || leads_to(function, from, past, test))
}

/// Where control can go when the test at the end of `block` is done. The arms
/// of a `match` are a chain of blocks without events, each with the next one
/// and an arm behind it.
pub(crate) fn outcomes(function: &Function, block: BlockId) -> Vec<BlockId> {
    let after = |block: BlockId| {
        function
            .blocks
            .get(block.index())
            .map_or(&[][..], |body| body.successors.as_slice())
    };
    let empty = |block: BlockId| {
        function
            .blocks
            .get(block.index())
            .is_none_or(|body| body.events.is_empty())
    };
    let mut found = Vec::new();
    match after(block) {
        &[mut next] => loop {
            match after(next) {
                &[further, arm] if empty(next) && !found.contains(&arm) => {
                    found.push(arm);
                    next = further;
                }
                [] => break,
                _ => {
                    found.push(next);
                    break;
                }
            }
        },
        several => found.extend(several),
    }
    found
}

/// Whether control can get from the start of `from` to `to` without `past`.
pub(crate) fn leads_to(function: &Function, from: BlockId, past: BlockId, to: BlockId) -> bool {
    let mut seen = BTreeSet::from([from, past]);
    let mut work = vec![from];
    while let Some(block) = work.pop() {
        if block == to {
            return true;
        }
        let Some(body) = function.blocks.get(block.index()) else {
            continue;
        };
        work.extend(body.successors.iter().filter(|next| seen.insert(**next)));
    }
    false
}

/// Whether the result tells which way the test went: `true` where `store` was
/// come to, `false` where not.
pub(crate) fn tells(function: &Function, test: Point, store: Point) -> bool {
    let decided = |block: BlockId| {
        let start = Point { block, index: 0 };
        block != test.block && (block == store.block || decides(function, test, start))
    };
    let answers = || function.answers.iter().filter(|(block, _)| decided(*block));
    answers().any(|(block, with)| {
        leads_to_block(function, store.block, *block)
            && answers().any(|(other, without)| {
                with.excludes(*without)
                    && *other != store.block
                    && outcomes(function, test.block)
                        .into_iter()
                        .any(|way| leads_to(function, way, store.block, *other))
            })
    })
}
