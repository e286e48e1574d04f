//! Ctrl-C and SIGTERM.

use std::sync::Arc;

use crate::http::Stop;
use crate::observe::{Event, Observer, screen};
use crate::report::Exit;

/// Listens until the runtime ends: the first signal asks for an end in good
/// order, the second ends at once. Every commit is whole either way.
pub fn listen(stop: Stop, observer: Arc<Observer>) {
    tokio::spawn(async move {
        signal().await;
        observer.tell(&Event::Interrupted);
        stop.request();
        signal().await;
        screen::clear();
        observer.tell(&Event::Stopped);
        std::process::exit(Exit::Interrupted as i32);
    });
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
