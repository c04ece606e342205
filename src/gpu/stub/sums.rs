//! Collective operations in host memory, for the simulated devices of one process or of several on this machine.
//! Ranks of other processes are met in a folder that the group's identifier names, so that ranks
//! that were told different identifiers never meet.
#![expect(unsafe_code, reason = "it plays a library, which takes addresses")]

use super::super::{Fault, Handle, Identifier, Operation, Ranked, Summing};
use super::{Call, LATENCY, LINK, State, step};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How long a rank waits for the others.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks for another rank's numbers.
const PAUSE: Duration = Duration::from_micros(200);

/// The library.
pub(super) struct Sums {
    state: Arc<Mutex<State>>,
    members: Mutex<Vec<Member>>,
}

/// A rank that joined.
#[derive(Clone)]
struct Member {
    rank: usize,
    ranks: usize,
    folder: PathBuf,
    operations: usize,
}

impl Sums {
    pub(super) fn new(state: Arc<Mutex<State>>) -> Self {
        Self { state, members: Mutex::default() }
    }

    fn members(&self) -> MutexGuard<'_, Vec<Member>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The member that `enter` gave, with one more operation begun.
    fn begin(&self, communicator: Handle) -> Result<Member, Fault> {
        let mut members = self.members();
        let at = usize::try_from(communicator).ok().and_then(|number| number.checked_sub(1));
        let member = at.and_then(|at| members.get_mut(at));
        let member = member.ok_or_else(|| Fault::Failed("no such communicator".to_owned()))?;
        member.operations += 1;
        Ok(member.clone())
    }
}

impl Summing for Sums {
    fn version(&self) -> String {
        "simulated 1.0".to_owned()
    }

    fn identifier(&self) -> Result<Identifier, Fault> {
        let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos());
        let mut id = [7; 128];
        let number = now << 32 | u128::from(std::process::id());
        if let Some(part) = id.first_chunk_mut() {
            *part = number.to_le_bytes();
        }
        Ok(id)
    }

    fn enter(&self, ranks: usize, id: &Identifier, rank: usize) -> Result<Handle, Fault> {
        let name: String = id.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let folder = std::env::temp_dir().join(format!("vbench-simulated-{name}"));
        let mut members = self.members();
        members.push(Member { rank, ranks, folder, operations: 0 });
        Ok(members.len() as Handle)
    }

    unsafe fn enqueue(
        &self,
        operation: Operation,
        calls: &[Ranked],
        count: usize,
    ) -> Result<(), Fault> {
        let wrong = step(&self.state, Call::Sum)?;
        let members = calls.iter().map(|call| self.begin(call.communicator));
        let members = members.collect::<Result<Vec<_>, _>>()?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for call in calls {
            *state.clocks.entry(call.stream).or_default() += LATENCY + 4.0 * count as f64 / LINK;
        }
        drop(state);
        let (given, _) = operation.floats(count, calls.len());
        // SAFETY: the caller's buffers hold as many floats, and are the host's here.
        let own =
            |call: &Ranked| unsafe { std::slice::from_raw_parts(call.from as *const f32, given) };
        let given: Vec<&[f32]> = calls.iter().map(own).collect();
        let mut sums = added(&given);
        match members.first() {
            Some(member) if calls.len() < member.ranks => member.exchange(&mut sums)?,
            _ => {}
        }
        let mut gotten: Vec<Vec<f32>> =
            (0..calls.len()).map(|rank| gotten(operation, &given, &sums, rank)).collect();
        for (call, gotten) in calls.iter().zip(&mut gotten) {
            let middle = gotten.len() / 2;
            if let Some(middle) = gotten.get_mut(middle).filter(|_| wrong) {
                *middle += 1.0;
            }
            // SAFETY: as above; what is gotten is a buffer of its own.
            unsafe {
                let to = call.to as *mut f32;
                std::ptr::copy_nonoverlapping(gotten.as_ptr(), to, gotten.len());
            }
        }
        Ok(())
    }

    unsafe fn leave(&self, communicator: Handle) {
        if let Ok(member) = self.begin(communicator) {
            member.leave();
        }
    }
}

impl Member {
    /// Adds what the other processes hold: each writes its numbers, and reads those of all others.
    fn exchange(&self, sums: &mut [f32]) -> Result<(), Fault> {
        let cannot = |error: std::io::Error| {
            Fault::Failed(format!("simulated sum: {}: {error}", self.folder.display()))
        };
        fs::create_dir_all(&self.folder).map_err(cannot)?;
        let bytes: Vec<u8> = sums.iter().flat_map(|number| number.to_le_bytes()).collect();
        let written = self.folder.join(format!("{}.part", self.rank));
        fs::write(&written, &bytes).map_err(cannot)?;
        fs::rename(&written, self.file(self.rank)).map_err(cannot)?;
        for rank in (0..self.ranks).filter(|rank| *rank != self.rank) {
            let bytes = self.wait_for(rank)?;
            let (words, _) = bytes.as_chunks::<4>();
            add(sums, words.iter().map(|word| f32::from_le_bytes(*word)));
        }
        // Everybody who writes for this operation has read those of the last but one.
        let old = self.operations.checked_sub(2);
        let old = old.map(|number| self.folder.join(format!("{number}-{}", self.rank)));
        old.map_or(Ok(()), |old| fs::remove_file(old).or(Ok(()))).map_err(cannot)
    }

    /// The last one to leave removes the folder, which others may still read. What cannot be
    /// removed stays in the folder for temporary files.
    fn leave(&self) {
        let left = |rank: usize| self.folder.join(format!("left-{rank}"));
        let _ = fs::write(left(self.rank), "");
        if (0..self.ranks).all(|rank| left(rank).exists()) {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }

    fn file(&self, rank: usize) -> PathBuf {
        self.folder.join(format!("{}-{rank}", self.operations))
    }

    fn wait_for(&self, rank: usize) -> Result<Vec<u8>, Fault> {
        let began = Instant::now();
        loop {
            match fs::read(self.file(rank)) {
                Ok(bytes) => return Ok(bytes),
                Err(_) if began.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
                Err(_) => {
                    let text = format!("rank {rank} of {} did not come to the sum", self.ranks);
                    return Err(Fault::Failed(text));
                }
            }
        }
    }
}

fn added(given: &[&[f32]]) -> Vec<f32> {
    let mut sums = vec![0_f32; given.first().map_or(0, |first| first.len())];
    for given in given {
        add(&mut sums, given.iter().copied());
    }
    sums
}

/// What `rank` gets of what all ranks give, and of the sums over them.
fn gotten(operation: Operation, given: &[&[f32]], sums: &[f32], rank: usize) -> Vec<f32> {
    let part = |all: &[f32], number: usize| {
        let length = all.len() / given.len();
        all.get(number * length..(number + 1) * length).unwrap_or_default().to_vec()
    };
    match operation {
        Operation::AllReduce => sums.to_vec(),
        Operation::ReduceScatter => part(sums, rank),
        Operation::AllGather => given.concat(),
        Operation::AllToAll => given.iter().flat_map(|given| part(given, rank)).collect(),
    }
}

fn add(sums: &mut [f32], numbers: impl Iterator<Item = f32>) {
    for (sum, number) in sums.iter_mut().zip(numbers) {
        *sum += number;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Answer, Stub};
    use super::Call;
    use crate::gpu::{Communicator, Driver, Fault, Gpu, Identifier, gpus};
    use std::sync::Arc;

    /// One rank of two, as a process of its own would be.
    fn rank(rank: usize, id: &Identifier, stub: Stub) -> Result<Vec<u8>, Fault> {
        let driver: Arc<dyn Driver> = Arc::new(stub);
        let gpu = gpus(&driver)?.remove(0);
        let joined = Communicator::enter(driver.collectives()?, &gpu, (rank, 2), id)?;
        let from = vec![gpu.memory(4)?];
        for _ in 0..4 {
            Gpu::batch_all(std::slice::from_ref(&gpu), 0, |queues| {
                queues[0].contribute(&from[0], 1, rank)?;
                joined.sum(queues, &from, &from, 1)
            })?;
        }
        from[0].read(0, 4)
    }

    #[test]
    fn ranks_of_two_processes_meet_by_the_identifier() {
        let first = Stub::with_devices(1);
        let id = first.collectives().unwrap().identifier().unwrap();
        assert_ne!(id, first.collectives().unwrap().identifier().unwrap());
        let sums = std::thread::scope(|scope| {
            let other = scope.spawn(|| rank(1, &id, Stub::with_devices(1)));
            [rank(0, &id, first), other.join().unwrap()]
        });
        // The summands of the ranks 0 and 1 at place 0 are 0 and 1 + 1.
        assert_eq!(sums, [Ok(2_f32.to_le_bytes().to_vec()), Ok(2_f32.to_le_bytes().to_vec())]);
    }

    #[test]
    fn a_scripted_sum_fails_from_its_number_on() {
        let lost = Fault::Failed("the network is gone".to_owned());
        let stub = Stub::with_devices(1).answering(Call::Sum, 0, Answer::Fault(lost.clone()));
        assert_eq!(rank(0, &[1; 128], stub), Err(lost));
    }
}
