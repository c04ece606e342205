use super::{Gpu, Host, Memory};
use crate::gpu::stub::{Answer, Call, Stub};
use crate::gpu::{Communicator, Driver, Dtype, Fault, gpus};
use std::sync::Arc;

fn devices(stub: Stub) -> (Arc<Stub>, Vec<Gpu>) {
    let stub = Arc::new(stub);
    let driver: Arc<dyn Driver> = stub.clone();
    (stub, gpus(&driver).unwrap())
}

fn one(stub: Stub) -> (Arc<Stub>, Gpu) {
    let (stub, mut gpus) = devices(stub);
    (stub, gpus.remove(0))
}

fn copied(gpu: &Gpu) -> Result<(Vec<u8>, f64), Fault> {
    let (mut from, mut to) = (gpu.pinned(64)?, gpu.pinned(64)?);
    from.bytes_mut().copy_from_slice(&[3; 64]);
    let memory = gpu.memory(64)?;
    let times = gpu.batch(2, |queue| {
        queue.mark()?;
        queue.upload(&memory, &from, 64)?;
        queue.download(&to, &memory, 64)?;
        queue.mark()
    })?;
    Ok((to.bytes_mut().to_vec(), times.total()?))
}

#[test]
fn what_goes_to_a_device_comes_back_and_takes_time() {
    let (stub, gpu) = one(Stub::with_devices(1));
    let (bytes, seconds) = copied(&gpu).unwrap();
    assert_eq!(bytes, [3; 64]);
    assert!(seconds > 9e-6);
    assert_eq!(stub.in_use(), 0, "everything is freed");
}

#[test]
fn copies_beyond_the_memory_are_refused() {
    let (_, gpu) = one(Stub::with_devices(1));
    let (memory, host) = (gpu.memory(8).unwrap(), gpu.pageable(16).unwrap());
    let fault = gpu.batch(0, |queue| queue.upload(&memory, &host, 16)).unwrap_err();
    assert_eq!(fault.to_string(), "16 bytes do not fit 8");
    assert!(memory.read(4, 8).is_err());
    assert!(memory.read(usize::MAX, 8).is_err());
}

#[test]
fn too_little_memory_says_how_much_there_is() {
    let (_, gpu) = one(Stub::with_devices(1));
    let Err(fault) = gpu.memory(3 << 30) else { panic!("three of one GiB") };
    assert_eq!(fault.to_string(), "needs 3072 MiB of GPU 0, 1024 MiB free");
    assert!(fault.is_lack());
}

#[test]
fn a_lost_device_is_a_failure_and_nothing_leaks() {
    let lost = Fault::Failed("the device fell off the bus".to_owned());
    let stub = Stub::with_devices(1).answering(Call::Synchronize, 0, Answer::Fault(lost.clone()));
    let (stub, gpu) = one(stub);
    assert_eq!(copied(&gpu), Err(lost.clone()));
    assert!(!lost.is_lack());
    assert_eq!(stub.in_use(), 0);
}

#[test]
fn products_of_every_type_are_verified() {
    let (_, gpu) = one(Stub::with_devices(1));
    for dtype in [Dtype::F32, Dtype::Tf32, Dtype::F16, Dtype::Bf16] {
        let product = gpu.product(48, dtype, 11).unwrap();
        assert!(product.verify(4, 1).unwrap().is_err(), "nothing was computed yet");
        gpu.batch(0, |queue| queue.multiply(&product)).unwrap();
        assert_eq!(product.verify(200, 1), Ok(Ok(())), "{dtype}");
    }
}

#[test]
fn a_wrong_product_is_found() {
    let stub = Stub::with_devices(1).answering(Call::Multiply, 0, Answer::Wrong);
    let (_, gpu) = one(stub);
    let product = gpu.product(48, Dtype::F32, 11).unwrap();
    gpu.batch(0, |queue| queue.multiply(&product)).unwrap();
    let why = product.verify(8, 1).unwrap().unwrap_err();
    assert!(why.contains("of the fp32 product is"), "{why}");
}

fn summed(stub: Stub, ranks: usize) -> Result<u32, Fault> {
    let (_, gpus) = devices(stub);
    let communicator =
        Communicator::join(gpus[0].driver().collectives()?, &gpus[..ranks], |_| Ok(()))?;
    let memories = || gpus.iter().map(|gpu| gpu.memory(400)).collect::<Result<Vec<Memory>, _>>();
    let (from, to, wrong) = (memories()?, memories()?, memories()?);
    Gpu::batch_all(&gpus, 0, |queues| {
        for (rank, queue) in queues.iter_mut().enumerate() {
            queue.contribute(&from[rank], 100, rank)?;
            queue.fill(&wrong[rank], 0)?;
        }
        communicator.sum(queues, &from, &to, 100)?;
        for (rank, queue) in queues.iter_mut().enumerate() {
            queue.count_wrong(&to[rank], 100, ranks, &wrong[rank])?;
        }
        Ok(())
    })?;
    let count =
        |memory: &Memory| memory.read(0, 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    wrong.iter().map(count).sum()
}

#[test]
fn sums_over_ranks_are_checked_entry_by_entry() {
    assert_eq!(summed(Stub::with_devices(3), 3), Ok(0));
    let wrong = Stub::with_devices(3).answering(Call::Sum, 0, Answer::Wrong);
    assert_eq!(summed(wrong, 3), Ok(3));
    let why = Fault::Failed("ncclAllReduce: unhandled system error".to_owned());
    let failing = Stub::with_devices(2).answering(Call::Sum, 0, Answer::Fault(why.clone()));
    assert_eq!(summed(failing, 2), Err(why));
    assert!(summed(Stub::with_devices(3), 2).is_err(), "two ranks of three devices");
}

#[test]
fn a_rank_that_cannot_be_placed_fails_all_without_waiting() {
    let (_, gpus) = devices(Stub::with_devices(3));
    let summing = gpus[0].driver().collectives().unwrap();
    let why = Fault::Absent("no CPUs near GPU 1".to_owned());
    let joined =
        Communicator::join(
            summing,
            &gpus,
            |rank| {
                if rank == 1 { Err(why.clone()) } else { Ok(()) }
            },
        );
    assert_eq!(joined.err(), Some(why));
}

#[test]
fn a_device_can_use_memory_that_is_pinned_where_it_lies() {
    let (_, gpu) = one(Stub::with_devices(1));
    let mut host: Host = gpu.pinned_on(4096, crate::placement::Policy::FirstTouch).unwrap();
    assert_eq!(host.len(), 4096);
    assert!(host.bytes_mut().iter().all(|byte| *byte == 0));
    assert!(host.effective().is_some());
    let refused = Fault::Memory("no more may be locked".to_owned());
    let stub = Stub::with_devices(1).answering(Call::Pin, 0, Answer::Fault(refused.clone()));
    let (_, gpu) = one(stub);
    assert_eq!(gpu.pinned(64).err(), Some(refused.clone()));
    assert_eq!(gpu.pinned_on(64, crate::placement::Policy::FirstTouch).err(), Some(refused));
}
