//! A few threads that wait for work together: handing it out costs a microsecond or two, not the twenty of a new thread.

use std::{
    hint,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

/// Looks for new work before a thread goes to sleep: about a millisecond, the time between two steps. To wake a sleeper
/// takes up to a tenth of that, and threads that sleep and wake are kept on one core by some schedulers.
const LOOKS: usize = 1 << 15;

/// Looks at whether the others are done before their turn on this core is waited for: some 20 µs.
const PATIENCE: usize = 1 << 9;

/// What threads are handed: called with each thread's number.
type Work = dyn Fn(usize) + Sync;

/// The threads of an engine, the calling one included.
pub struct Team {
    shared: Arc<Shared>,
    others: Vec<JoinHandle<()>>,
}

struct Shared {
    /// Goes up with every piece of work.
    round: AtomicUsize,
    /// Threads that are not done with it.
    busy: AtomicUsize,
    failed: AtomicBool,
    over: AtomicBool,
    work: Mutex<Option<&'static Work>>,
    sleepers: Condvar,
}

impl Shared {
    fn work(&self) -> MutexGuard<'_, Option<&'static Work>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread's life: waits for a round that it has not seen, does its part, says so.
    fn serve(&self, thread: usize) {
        let mut seen = 0;
        loop {
            for _ in 0..LOOKS {
                if self.round.load(Ordering::Acquire) != seen {
                    break;
                }
                hint::spin_loop();
            }
            let work = {
                let mut work = self.work();
                while self.round.load(Ordering::Acquire) == seen {
                    work = self.sleepers.wait(work).unwrap_or_else(PoisonError::into_inner);
                }
                seen = self.round.load(Ordering::Acquire);
                *work
            };
            if self.over.load(Ordering::Acquire) {
                return;
            }
            if let Some(work) = work
                && panic::catch_unwind(AssertUnwindSafe(|| work(thread))).is_err()
            {
                self.failed.store(true, Ordering::Release);
            }
            self.busy.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Starts a round.
    fn announce(&self, work: Option<&'static Work>) {
        let mut slot = self.work();
        *slot = work;
        self.round.fetch_add(1, Ordering::AcqRel);
        drop(slot);
        self.sleepers.notify_all();
    }
}

impl Team {
    /// A team of so many threads, or of as many as the system has to give.
    pub fn new(threads: usize) -> Self {
        let shared = Arc::new(Shared {
            round: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
            over: AtomicBool::new(false),
            work: Mutex::new(None),
            sleepers: Condvar::new(),
        });
        let other = |number| {
            let shared = Arc::clone(&shared);
            thread::Builder::new().name(format!("scratch {number}")).spawn(move || shared.serve(number))
        };
        let others = (1..threads.clamp(1, MOST)).map_while(|number| other(number).ok()).collect();
        Self { shared, others }
    }

    /// How many threads there are, the calling one included.
    pub fn threads(&self) -> usize {
        1 + self.others.len()
    }

    /// Does `work` on every item, each on one thread, and returns when all are done. There may be at most [`MOST`].
    pub fn each<I: Send>(&mut self, items: impl IntoIterator<Item = I>, work: impl Fn(I) + Sync) {
        let mut items = items.into_iter();
        if self.others.is_empty() {
            return items.for_each(work);
        }
        let (Some(first), second) = (items.next(), items.next()) else { return };
        if second.is_none() {
            return work(first);
        }
        let mut items = [first].into_iter().chain(second).chain(items);
        let mut count = 0;
        let slots: [Mutex<Option<I>>; MOST] = std::array::from_fn(|_| {
            let item = items.next();
            count += usize::from(item.is_some());
            Mutex::new(item)
        });
        assert!(items.next().is_none(), "a team takes at most {MOST} items at once");
        let threads = self.threads();
        let share = |thread: usize| {
            for slot in slots[..count].iter().skip(thread).step_by(threads) {
                let item = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
                item.into_iter().for_each(&work);
            }
        };
        self.run(&share);
    }

    fn run(&mut self, work: &(dyn Fn(usize) + Sync)) {
        self.shared.failed.store(false, Ordering::Release);
        self.shared.busy.store(self.others.len(), Ordering::Release);
        // SAFETY: only the lifetime is changed. Other threads take the reference from `work` in this round alone, and each
        // has let go of it when it has taken itself off `busy`; `Wait` stays here until all have, also where `work` panics.
        let lent = unsafe { std::mem::transmute::<&(dyn Fn(usize) + Sync + '_), &'static Work>(work) };
        self.shared.announce(Some(lent));
        let wait = Wait(&self.shared);
        work(0);
        drop(wait);
        assert!(!self.shared.failed.load(Ordering::Acquire), "another thread of the team panicked");
    }
}

/// Most threads of a team, and items that it takes at once.
pub const MOST: usize = 32;

/// Waits for the other threads when it goes.
struct Wait<'a>(&'a Shared);

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let mut looks = 0;
        while self.0.busy.load(Ordering::Acquire) > 0 {
            looks += 1;
            // The other may be waiting for this core.
            if looks < PATIENCE { hint::spin_loop() } else { thread::yield_now() }
        }
        *self.0.work() = None;
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Release);
        self.shared.announce(None);
        for other in self.others.drain(..) {
            // What it did is done: a panic has been told of by then.
            let _ = other.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_done_once_by_teams_of_every_size() {
        for threads in 1..=4 {
            let mut team = Team::new(threads);
            for count in [0, 1, 2, 7, MOST] {
                for _ in 0..50 {
                    let mut items: Vec<usize> = (0..count).collect();
                    team.each(items.iter_mut(), |item| *item += 1000);
                    assert!(items.iter().enumerate().all(|(number, &item)| item == number + 1000));
                }
            }
        }
    }

    /// What a thread borrows is let go of before the panic leaves, and the team works on.
    #[test]
    fn a_panic_on_any_thread_reaches_the_caller_and_the_team_survives() {
        let mut team = Team::new(3);
        for bad in 0..3 {
            let result = panic::catch_unwind(AssertUnwindSafe(|| {
                team.each(0..3, |item| assert_ne!(item, bad));
            }));
            assert!(result.is_err());
            let sum = AtomicUsize::new(0);
            team.each(0..9, |item| {
                sum.fetch_add(item, Ordering::Relaxed);
            });
            assert_eq!(sum.into_inner(), 36);
        }
    }
}
