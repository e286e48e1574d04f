//! Whether a run that is killed at any step and resumed leaves what an undisturbed one
//! leaves: processes of this program from a recording, killed for real.

mod kills;
mod life;
mod line;
mod look;
mod steps;

pub use kills::{Crashed, crash};
pub use life::live;
pub use line::Line;
pub use steps::Steps;
