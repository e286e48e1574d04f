//! How a run is asked to end.

use std::sync::Arc;

use tokio::sync::watch;

/// A request to end the run in good order: nothing new is begun, what is in hand
/// is finished, waits are cut. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Stop {
    sender: Arc<watch::Sender<bool>>,
}

/// A wait was cut, or work not begun, since the run is ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

impl Default for Stop {
    fn default() -> Self {
        Self { sender: Arc::new(watch::Sender::new(false)) }
    }
}

impl Stop {
    /// Asks for the end.
    pub fn request(&self) {
        self.sender.send_replace(true);
    }

    /// Whether the end was asked for.
    pub fn is_requested(&self) -> bool {
        *self.sender.borrow()
    }

    /// Returns when the end is asked for.
    pub async fn requested(&self) {
        let mut receiver = self.sender.subscribe();
        // The sender lives as long as `self`, so this cannot fail.
        let _ = receiver.wait_for(|stop| *stop).await;
    }
}
