//! Launchers such as `mpirun` and `srun`: which of the processes they started this one is.

use std::env;

/// The fact of a launch that names the hosts of its processes; `--redact` leaves it out.
pub const HOSTS: &str = "hosts";

/// This process among those that one launcher started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launched {
    /// Its number, from 0.
    pub rank: usize,
    /// How many there are.
    pub ranks: usize,
    /// Who started them.
    pub by: &'static str,
}

/// Launcher, and the variables that tell the rank and the number of ranks. Slurm's two are those
/// of a step: a batch script has a `SLURM_PROCID` too and is one process. Sources: the manual
/// pages of Open MPI's mpirun, MPICH's hydra and Slurm's srun.
const VARIABLES: [(&str, &str, &str); 4] = [
    ("Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("MVAPICH", "MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"),
    ("PMI", "PMI_RANK", "PMI_SIZE"),
    ("Slurm", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
];

impl Launched {
    /// From the environment of this process; `None` without a launcher.
    pub fn current() -> Option<Self> {
        Self::among(|name| env::var(name).ok())
    }

    /// As [`Launched::current`], where there is more than one process.
    pub fn several() -> Option<Self> {
        Self::current().filter(|launched| launched.ranks > 1)
    }

    fn among(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let number = |name| variable(name)?.parse::<usize>().ok();
        VARIABLES.into_iter().find_map(|(by, rank, ranks)| {
            let (rank, ranks) = (number(rank)?, number(ranks)?);
            (rank < ranks).then_some(Self { rank, ranks, by })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Launched;

    fn among(variables: &[(&str, &str)]) -> Option<Launched> {
        let find = |name: &str| variables.iter().find(|(key, _)| *key == name);
        Launched::among(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn each_launcher_tells_the_rank_in_its_own_words() {
        for (by, rank, ranks) in super::VARIABLES {
            let launched = Launched { rank: 3, ranks: 8, by };
            assert_eq!(among(&[(rank, "3"), (ranks, "8")]), Some(launched));
        }
    }

    #[test]
    fn half_of_it_or_nonsense_is_no_launcher() {
        assert_eq!(among(&[]), None);
        assert_eq!(among(&[("SLURM_PROCID", "0"), ("SLURM_NTASKS", "4")]), None);
        assert_eq!(among(&[("PMI_RANK", "-1"), ("PMI_SIZE", "2")]), None);
        assert_eq!(among(&[("PMI_RANK", "2"), ("PMI_SIZE", "2")]), None);
    }
}
