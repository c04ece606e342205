//! The remainder of a 64-bit division, whatever the compiler would make of it.
#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "only an instruction written out keeps the division 64 bits wide"
    )
)]

use std::num::NonZeroU64;

/// `dividend % divisor` by the 64-bit division instruction. A plain `%` on x86-64 is compiled to a
/// test of the upper halves and a 32-bit division, which runs up to 1.3 times faster here: an
/// event would no longer be the work that sysbench does.
#[inline(always)]
#[cfg(target_arch = "x86_64")]
pub fn remainder(dividend: u64, divisor: NonZeroU64) -> u64 {
    let remainder;
    // SAFETY: the divisor is not 0 and the upper half of the dividend is, so the quotient fits and
    // the instruction cannot trap; it touches only the named registers and the flags.
    unsafe {
        std::arch::asm!(
            "div {}",
            in(reg) divisor.get(),
            inout("rax") dividend => _,
            inout("rdx") 0_u64 => remainder,
            options(pure, nomem, nostack),
        );
    }
    remainder
}

/// `dividend % divisor`; other processors divide 64 bits as written.
#[inline(always)]
#[cfg(not(target_arch = "x86_64"))]
pub fn remainder(dividend: u64, divisor: NonZeroU64) -> u64 {
    dividend % divisor
}

#[cfg(test)]
mod tests {
    use super::remainder;
    use std::num::NonZeroU64;

    #[test]
    fn agrees_with_the_operator() {
        for dividend in [0, 1, 9, 10_000, u64::from(u32::MAX) + 5, u64::MAX] {
            for divisor in [1, 2, 7, 97, u64::from(u32::MAX), u64::MAX] {
                let divisor = NonZeroU64::new(divisor).unwrap();
                assert_eq!(remainder(dividend, divisor), dividend % divisor);
            }
        }
    }
}
