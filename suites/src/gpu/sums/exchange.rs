//! Collective operations other than the sum, measured and counted as nccl-tests does.

use super::settings::Setup;
use super::{Sum, floats, join, note_ranks, rounds};
use crate::collective::whole;
use crate::gpu::choices::{Arm, Exchange, Peers};
use crate::gpu::device::check;
use crate::gpu::watch::Watch;
use crate::gpu::watched::Watched;
use vbench::gpu::{Communicator, Fault, Gpu, Memory, Operation, Queue, Times, summand};
use vbench::prelude::*;

/// The devices of an operation, and their memories.
struct Group<'g> {
    gpus: &'g [Gpu],
    communicator: Communicator,
    operation: Operation,
    /// Floats of the larger memory of each rank.
    count: usize,
    from: Vec<Memory>,
    to: Vec<Memory>,
}

/// `operation` over `gpus`, out of place; `size` is that of the larger memory of a rank, in whole
/// floats alike for all.
pub fn measure(
    b: &mut Bencher,
    gpus: &[Gpu],
    exchange: Exchange,
    size: Bytes,
) -> Result<Samples<Watched<Sum>>, Stop> {
    whole(size)?;
    let communicator = join(b, gpus, &Setup::of(Peers::Default), Arm::Unbound)?;
    let (ranks, rounds) = (gpus.len(), rounds(b));
    let count = (floats(b, size) / 4).div_ceil(ranks) * ranks;
    let group = Group::new(gpus, communicator, exchange.operation(), count)?;
    let watch = Watch::over_all(b, gpus)?;
    group.verify(b)?;
    let bytes = 4 * count;
    let samples = watch.samples(b, |look| {
        let seconds = look.during(bytes * rounds.1, || group.time(rounds))?;
        Ok(Sum::of_exchange(bytes, seconds, ranks))
    })?;
    group.verify(b)?;
    note_ranks(b, gpus)?;
    b.fact("bytes", bytes);
    Ok(samples)
}

impl<'g> Group<'g> {
    fn new(
        gpus: &'g [Gpu],
        communicator: Communicator,
        operation: Operation,
        count: usize,
    ) -> Result<Self, Fault> {
        let (given, gotten) = operation.floats(count, gpus.len());
        let all = |floats: usize| -> Result<Vec<Memory>, Fault> {
            gpus.iter().map(|gpu| gpu.memory(4 * floats)).collect()
        };
        let (from, to) = (all(given)?, all(gotten)?);
        Ok(Self { gpus, communicator, operation, count, from, to })
    }

    fn once<'env>(&'env self, queues: &mut [Queue<'env>]) -> Result<(), Fault> {
        self.communicator.enqueue(self.operation, queues, &self.from, &self.to, self.count)
    }

    /// Seconds of one operation on the slowest rank.
    fn time(&self, (warm_ups, timed): (usize, usize)) -> Result<f64, Fault> {
        let times = Gpu::batch_all(self.gpus, 2, |queues| {
            (0..warm_ups).try_for_each(|_| self.once(queues))?;
            queues.iter_mut().try_for_each(Queue::mark)?;
            (0..timed).try_for_each(|_| self.once(queues))?;
            queues.iter_mut().try_for_each(Queue::mark)
        })?;
        let totals = times.iter().map(Times::total).collect::<Result<Vec<_>, _>>()?;
        Ok(totals.into_iter().fold(0.0, f64::max) / timed as f64)
    }

    /// Does it once from new numbers into NaN, and fails the case where an entry is wrong: pieces
    /// of every rank's memory are looked at, over its whole length.
    fn verify(&self, b: &mut Bencher) -> Result<(), Fault> {
        let (given, _) = self.operation.floats(self.count, self.gpus.len());
        Gpu::batch_all(self.gpus, 0, |queues| {
            for (rank, (queue, (from, to))) in
                queues.iter_mut().zip(self.from.iter().zip(&self.to)).enumerate()
            {
                queue.contribute(from, given, rank)?;
                queue.fill(to, 0xff)?;
            }
            self.once(queues)
        })?;
        for (rank, to) in self.to.iter().enumerate() {
            let expected = |at| self.expected(rank as u64, at);
            check(b, &format!("rank {rank}"), to, 0.0, expected)?;
        }
        Ok(())
    }

    /// Entry `at` of what `rank` gets.
    fn expected(&self, rank: u64, at: u64) -> f64 {
        let ranks = self.gpus.len() as u64;
        let part = (self.count as u64 / ranks).max(1);
        let (peer, within) = (at / part, at % part);
        let sum = |at: u64| -> f64 { (0..ranks).map(|peer| f64::from(summand(at, peer))).sum() };
        match self.operation {
            Operation::AllReduce => sum(at),
            Operation::ReduceScatter => sum(rank * part + at),
            Operation::AllGather => f64::from(summand(within, peer)),
            Operation::AllToAll => f64::from(summand(rank * part + within, peer)),
        }
    }
}
