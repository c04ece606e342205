//! Trial division by every divisor, in the instructions that a compiler makes of sysbench's loop.
#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "only a loop written out keeps its divisions 64 bits wide and its place in memory"
    )
)]

/// True when a divisor from 3 to `root` divides `candidate`.
///
/// Written out for two reasons. A plain `%` on x86-64 is compiled to a test of the upper halves and
/// a 32-bit division, which runs up to 1.3 times faster: no longer the work that sysbench does. And
/// where the loop lies in memory was worth 4% between two builds of the same text on a Zen 4, so
/// it begins a line of the instruction cache here, whatever is compiled around it. The bound is
/// compared as a double, as in sysbench.
#[inline(always)]
#[cfg(target_arch = "x86_64")]
pub fn has_divisor(candidate: u64, root: f64) -> bool {
    let remainder: u64;
    // SAFETY: the divisor begins at 3 and grows, and the upper half of the dividend is 0, so each
    // quotient fits and the division cannot trap. The loop ends because the divisor passes every
    // root of a 64-bit number before its sign changes, and a root that is no number ends it at
    // once. Only the named registers and the flags are touched.
    unsafe {
        std::arch::asm!(
            "mov edx, 1",
            "mov {divisor:e}, 3",
            ".p2align 6",
            "2:",
            "pxor {bound}, {bound}",
            "cvtsi2sd {bound}, {divisor}",
            "comisd {root}, {bound}",
            "jb 3f",
            "mov rax, {candidate}",
            "xor edx, edx",
            "div {divisor}",
            "test rdx, rdx",
            "je 3f",
            "add {divisor}, 1",
            "jns 2b",
            "3:",
            candidate = in(reg) candidate,
            divisor = out(reg) _,
            root = in(xmm_reg) root,
            bound = out(xmm_reg) _,
            out("rax") _,
            out("rdx") remainder,
            options(pure, nomem, nostack),
        );
    }
    remainder == 0
}

/// True when a divisor from 3 to `root` divides `candidate`; other processors divide 64 bits as
/// written.
#[inline(always)]
#[cfg(not(target_arch = "x86_64"))]
pub fn has_divisor(candidate: u64, root: f64) -> bool {
    (3..)
        .take_while(|divisor| *divisor as f64 <= root)
        .any(|divisor| candidate.is_multiple_of(divisor))
}

#[cfg(test)]
mod tests {
    use super::has_divisor;

    #[test]
    fn agrees_with_plain_arithmetic() {
        let plain = |candidate: u64, bound: u64| {
            (3..=bound).any(|divisor| candidate.is_multiple_of(divisor))
        };
        for candidate in 0..2_000 {
            let root = (candidate as f64).sqrt();
            assert_eq!(has_divisor(candidate, root), plain(candidate, root as u64), "{candidate}");
        }
        for candidate in [u64::from(u32::MAX) + 2, u64::MAX, u64::MAX - 58] {
            assert_eq!(has_divisor(candidate, 100.0), plain(candidate, 100), "{candidate}");
        }
        for root in [f64::NAN, f64::NEG_INFINITY, -1.0, 0.0, 2.9] {
            assert!(!has_divisor(9, root), "{root}");
        }
    }
}
