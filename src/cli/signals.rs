//! Ctrl-C and SIGTERM.

use std::sync::Arc;

use crate::http::Stop;
use crate::observe::{Event, Observer, screen};
use crate::report::Exit;

/// Listens until the runtime ends: the first signal asks for an end in good
/// order, the second ends at once. Every commit is whole either way. `first` tells
/// of the first signal.
pub fn listen(stop: Stop, observer: Arc<Observer>, first: impl FnOnce(&Observer) + Send + 'static) {
    tokio::spawn(async move {
        signal().await;
        first(&observer);
        stop.request();
        signal().await;
        screen::clear();
        observer.tell(&Event::Stopped);
        std::process::exit(Exit::Interrupted as i32);
    });
}

/// Tells that what is in hand is finished.
pub fn finishing(observer: &Observer) {
    observer.tell(&Event::Interrupted);
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
}
