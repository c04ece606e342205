//! Thread affinity: which CPUs a thread may run on.
//!
//! Pinning to one CPU goes through `core_affinity`; masks are read and restored by system call,
//! because that crate knows neither more than 1024 CPUs nor how to restore a mask.
#![expect(unsafe_code, reason = "two system calls without a safe wrapper for masks of any size")]

use std::io;

/// Most CPUs a Linux kernel can be built for (`NR_CPUS` is at most 8192 on x86-64).
const MAX_CPUS: usize = 8192;
const WORD_BITS: usize = usize::BITS as usize;
/// Ids from here on abort inside `core_affinity`.
const CORE_AFFINITY_LIMIT: usize = 1024;

/// CPUs that the calling thread may run on, ascending.
///
/// # Errors
/// What the system says.
pub fn allowed_cpus() -> io::Result<Vec<usize>> {
    let mut mask = [0_usize; MAX_CPUS / WORD_BITS];
    // SAFETY: the kernel writes at most `size_of_val(&mask)` bytes into `mask`, which outlives the call.
    let written = unsafe {
        libc::syscall(libc::SYS_sched_getaffinity, 0, size_of_val(&mask), mask.as_mut_ptr())
    };
    if written < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((0..MAX_CPUS).filter(|cpu| mask[cpu / WORD_BITS] >> (cpu % WORD_BITS) & 1 == 1).collect())
}

/// Lets the calling thread run on exactly `cpus`.
///
/// # Errors
/// An id out of range, or what the system says.
pub fn bind_current_thread(cpus: &[usize]) -> io::Result<()> {
    let mut mask = [0_usize; MAX_CPUS / WORD_BITS];
    for &cpu in cpus {
        let word = mask.get_mut(cpu / WORD_BITS).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("CPU {cpu} is out of range"))
        })?;
        *word |= 1 << (cpu % WORD_BITS);
    }
    // SAFETY: the kernel reads `size_of_val(&mask)` bytes from `mask`, which outlives the call.
    let result =
        unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, size_of_val(&mask), mask.as_ptr()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Pins the calling thread to one CPU and reads the mask back.
///
/// # Errors
/// The CPU and why it cannot be used.
pub fn pin_current_thread(cpu: usize) -> Result<(), String> {
    if cpu < CORE_AFFINITY_LIMIT {
        core_affinity::set_for_current(core_affinity::CoreId { id: cpu });
    } else {
        bind_current_thread(&[cpu]).map_err(|error| format!("cannot pin to CPU {cpu}: {error}"))?;
    }
    match allowed_cpus() {
        Ok(mask) if mask == [cpu] => Ok(()),
        Ok(mask) => Err(format!("cannot pin to CPU {cpu}: {} CPUs remain allowed", mask.len())),
        Err(error) => Err(format!("cannot read the affinity back: {error}")),
    }
}
