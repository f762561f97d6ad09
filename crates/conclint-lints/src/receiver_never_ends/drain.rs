//! Where a receiver is read to its end: in the function at hand, or in what it
//! hands the receiver to.

use conclint_facts::{
    Analysis, Drain, EventKind, FnId, Handed, Handle, Place, Resolution, Root, Site, Spawn,
    SpawnKind,
};
use smol_str::SmolStr;

use crate::flow::{events, passes_by};

/// Callees of callees that are looked at.
const DEPTH: u32 = 3;

/// A receiver that is read to its end.
#[derive(Clone)]
pub(super) struct Dry {
    /// The function that reads.
    pub(super) reader: FnId,
    /// Where.
    pub(super) site: Site,
    /// The function that was handed the receiver, where there is one.
    pub(super) callee: Option<FnId>,
    /// The sender that is still alive.
    pub(super) sender: SmolStr,
    /// The reader was handed that sender, too.
    pub(super) keeps: bool,
    /// Only a panic ends the loop.
    pub(super) by_panic: bool,
    /// The reader has another way out.
    pub(super) perhaps: bool,
}

impl Dry {
    /// What reads while `sender` is alive; `None` where nothing does after all.
    pub(super) fn of(analysis: &Analysis, id: FnId, drain: Drain, sender: &SmolStr) -> Option<Dry> {
        let Some(handed) = drain.by else {
            return Some(Dry {
                reader: id,
                site: drain.site,
                callee: None,
                sender: sender.clone(),
                keeps: false,
                by_panic: drain.by_panic,
                perhaps: false,
            });
        };
        let Handed {
            callee, receiver, ..
        } = handed;
        let read = match handed.started {
            true => starts(analysis, callee, receiver)?,
            false => reads(analysis, callee, receiver, DEPTH)?,
        };
        let mut sender = sender.clone();
        if let Some(param) = handed.sender {
            // What it was handed it may have dropped before.
            if read.reader != callee || !read.keeps.contains(&param) {
                return None;
            }
            let params = &analysis.function(callee).params;
            sender = params.get(usize::from(param))?.name.clone();
        }
        Some(Dry {
            reader: read.reader,
            site: read.site,
            callee: Some(callee),
            keeps: handed.sender.is_some(),
            sender,
            by_panic: read.by_panic,
            perhaps: read.perhaps,
        })
    }
}

/// A receiver that came in as a parameter and is read to its end.
struct Read {
    reader: FnId,
    site: Site,
    keeps: Vec<u16>,
    by_panic: bool,
    perhaps: bool,
}

/// Where a function reads the receiver `param` to its end before it comes back.
fn reads(analysis: &Analysis, id: FnId, param: u16, depth: u32) -> Option<Read> {
    let function = analysis.function(id);
    events(function).find_map(|(at, event)| {
        let mut read = match &event.kind {
            EventKind::RunsDry {
                receiver,
                keeps,
                by_panic,
            } if *receiver == param => Read {
                reader: id,
                site: event.site,
                keeps: keeps.clone(),
                by_panic: *by_panic,
                perhaps: false,
            },
            EventKind::Call(call) if depth > 0 && call.resolution == Resolution::Exact => {
                let &[callee] = call.targets.as_slice() else {
                    return None;
                };
                let given = call
                    .args
                    .iter()
                    .position(|arg| is_param(&arg.place, param))?;
                reads(analysis, callee, u16::try_from(given).ok()?, depth - 1)?
            }
            EventKind::Spawn(spawn) if spawn.joined.is_some() || spawn.scope_end.is_some() => {
                in_thread(analysis, spawn, param, depth)?
            }
            _ => return None,
        };
        read.perhaps |= passes_by(function, at);
        Some(read)
    })
}

/// Where a thread that the function starts, and whose handle it gives, reads the
/// receiver `param` to its end.
fn starts(analysis: &Analysis, id: FnId, param: u16) -> Option<Read> {
    events(analysis.function(id)).find_map(|(_, event)| match &event.kind {
        EventKind::Spawn(spawn)
            if spawn.kind == SpawnKind::Thread
                && spawn.joined.is_none()
                && matches!(spawn.handle, Handle::Elsewhere | Handle::Stored(_)) =>
        {
            in_thread(analysis, spawn, param, DEPTH)
        }
        _ => None,
    })
}

fn in_thread(analysis: &Analysis, spawn: &Spawn, param: u16, depth: u32) -> Option<Read> {
    // A closure names parameters as the function around it does.
    let body = spawn.body.filter(|_| depth > 0)?;
    analysis.function(body).parent?;
    reads(analysis, body, param, depth - 1)
}

fn is_param(place: &Option<Place>, param: u16) -> bool {
    let whole = place.as_ref().filter(|place| place.path.is_empty());
    whole.is_some_and(|place| place.root == Root::Param(param))
}
