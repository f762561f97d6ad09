//! One job for each entry of a list, several at a time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// `job` of each entry, `jobs` at a time; what comes of them has the order of the list.
///
/// # Panics
/// Where a job does.
pub(crate) fn map<T: Sync, R: Send>(
    list: &[T],
    jobs: usize,
    job: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, R)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, list.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(entry) = list.get(at) else {
                        return;
                    };
                    let result = job(entry);
                    if let Ok(mut done) = done.lock() {
                        done.push((at, result));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_have_the_order_of_the_list() {
        let list: Vec<usize> = (0..100).collect();
        for jobs in [0, 1, 4] {
            let same = super::map(&list, jobs, |n| *n);
            assert_eq!(same, list);
        }
        assert!(super::map(&[0; 0], 3, |n| *n).is_empty());
    }
}
