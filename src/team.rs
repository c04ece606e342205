//! Teams: threads that start together, each pinned to a CPU.

use crate::host::affinity;
use crate::resource::Skip;
use std::sync::{Arc, Barrier};

/// Threads for work that runs on several CPUs at once.
pub struct Team {
    pool: rayon::ThreadPool,
    cpus: Vec<Option<usize>>,
    barrier: Arc<Barrier>,
}

/// One thread of a [`Team`], seen from inside.
pub struct Worker {
    /// Number within the team, from 0.
    pub index: usize,
    /// Size of the team.
    pub size: usize,
    /// CPU it is pinned to.
    pub cpu: Option<usize>,
    barrier: Arc<Barrier>,
}

impl Worker {
    /// Waits until every worker is here.
    pub fn barrier(&self) {
        self.barrier.wait();
    }

    /// This worker's part of `0..len`, in equal static parts.
    pub fn part(&self, len: usize) -> std::ops::Range<usize> {
        len * self.index / self.size..len * (self.index + 1) / self.size
    }
}

impl Team {
    /// One thread on each of `cpus`, pinned; the binding is read back.
    ///
    /// # Errors
    /// A CPU cannot be bound to, or threads cannot be made.
    pub fn pinned(cpus: &[usize]) -> Result<Self, Skip> {
        Self::build(cpus.iter().copied().map(Some).collect())
    }

    /// `size` threads that the system places.
    ///
    /// # Errors
    /// Threads cannot be made.
    pub fn floating(size: usize) -> Result<Self, Skip> {
        Self::build(vec![None; size])
    }

    fn build(cpus: Vec<Option<usize>>) -> Result<Self, Skip> {
        let size = cpus.len();
        if size == 0 {
            return Err(Skip::because("a team needs at least one thread"));
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(size).build();
        let pool =
            pool.map_err(|error| Skip::because(format!("cannot make {size} threads: {error}")))?;
        let team = Self { pool, cpus, barrier: Arc::new(Barrier::new(size)) };
        let bound =
            team.broadcast(|worker| worker.cpu.map_or(Ok(()), affinity::pin_current_thread));
        match bound.into_iter().find_map(Result::err) {
            Some(error) => Err(Skip::because(error)),
            None => Ok(team),
        }
    }

    /// How many threads it has.
    pub fn size(&self) -> usize {
        self.cpus.len()
    }

    /// The CPU of each thread; `None` where the system places it.
    pub fn cpus(&self) -> &[Option<usize>] {
        &self.cpus
    }

    /// Runs `f` once on every thread and gives the answers in the order of the team.
    pub fn broadcast<T: Send>(&self, f: impl Fn(&Worker) -> T + Sync) -> Vec<T> {
        self.pool.broadcast(|context| {
            f(&Worker {
                index: context.index(),
                size: self.cpus.len(),
                cpu: self.cpus[context.index()],
                barrier: Arc::clone(&self.barrier),
            })
        })
    }
}
