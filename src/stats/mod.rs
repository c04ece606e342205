//! Statistics in ln space: the launch (or the boot) is the unit of evidence, repeats only describe it.
//!
//! Nothing here draws a random number: equal input gives equal output.

mod adjust;
mod components;
mod distribution;
mod moments;
mod planning;
mod rank;
mod runs;
mod shift;
mod summary;

pub use self::adjust::{benjamini_hochberg, holm};
pub use self::components::{Components, components, components_within};
pub use self::distribution::{t_quantile, t_tail};
pub use self::moments::{mean, median, sd, squares};
pub use self::planning::{Planner, best_repeats, pooled_sd};
pub use self::rank::{RankTest, rank_test_asymptotic, rank_test_exact};
pub use self::runs::{DRIFT, RunMeans, Runs};
pub use self::shift::{Floor, Member, Shift, Test};
pub use self::summary::{
    Summary, center_interval, expected_best, launch_center, summarize, summarize_values,
};
