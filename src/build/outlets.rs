//! The sinks of a build, each on a thread of its own: a slow one (compression, a
//! network) holds up nobody until its queue is full.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use scrape_api::{Row, Sink};

use super::allowance::Share;
use super::run::Error;
use super::worker::bytes_of;
use crate::kill;
use crate::plan::Plan;

/// Batches that wait before one sink.
const QUEUE: usize = 2;

enum Message {
    /// Rows, and what they take until they are written.
    Rows(Vec<Row>, Share),
    /// All rows were given. A queue that ends without it was given up.
    Finish,
}

/// Open sinks on threads of their own.
pub(super) struct Outlets<'scope> {
    /// By sink; none for one that stands.
    outlets: Vec<Option<Outlet<'scope>>>,
}

struct Outlet<'scope> {
    name: String,
    queue: SyncSender<Message>,
    thread: ScopedJoinHandle<'scope, scrape_api::Result<()>>,
}

impl<'scope> Outlets<'scope> {
    /// Starts a thread for each sink that does not stand; all of them are open.
    pub(super) fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        plan: &Plan,
        sinks: &'scope mut [Box<dyn Sink>],
        stands: &[bool],
    ) -> Self {
        let outlets = sinks
            .iter_mut()
            .zip(&plan.sinks)
            .zip(stands)
            .map(|((sink, plan), stands)| {
                if *stands {
                    return None;
                }
                let (queue, messages) = sync_channel(QUEUE);
                let thread = scope.spawn(move || drive(sink.as_mut(), &messages));
                Some(Outlet { name: plan.name.clone(), queue, thread })
            })
            .collect();
        Self { outlets }
    }

    /// Gives each sink its rows, with their part of what the batch takes; false when
    /// one has stopped.
    pub(super) fn give(&self, rows: Vec<Vec<Row>>, mut share: Share) -> bool {
        self.outlets.iter().zip(rows).all(|(outlet, rows)| match outlet {
            Some(outlet) if !rows.is_empty() => {
                let share = share.split(bytes_of(&rows));
                outlet.queue.send(Message::Rows(rows, share)).is_ok()
            }
            _ => true,
        })
    }

    /// Ends all threads; with `whole` every sink finishes, so that what it has is
    /// durable.
    ///
    /// # Errors
    /// The first sink, in the spec's order, that failed.
    pub(super) fn close(self, whole: bool) -> Result<(), Error> {
        if whole {
            for outlet in self.outlets.iter().flatten() {
                // A sink that has stopped says why below.
                let _ = outlet.queue.send(Message::Finish);
            }
        }
        let mut failed = Ok(());
        for Outlet { name, queue, thread } in self.outlets.into_iter().flatten() {
            drop(queue);
            let ended = match thread.join() {
                Ok(Ok(())) => Ok(()),
                Ok(Err(source)) => Err(Error::Sink { name, source }),
                Err(_) => Err(Error::Broken("a sink")),
            };
            failed = failed.and(ended);
        }
        failed
    }
}

fn drive(sink: &mut dyn Sink, messages: &Receiver<Message>) -> scrape_api::Result<()> {
    for message in messages {
        match message {
            Message::Rows(rows, _share) => {
                sink.write(&rows)?;
                kill::point("output written");
            }
            Message::Finish => {
                kill::point("output whole");
                sink.finish()?;
                kill::point("output synced");
                return Ok(());
            }
        }
    }
    Ok(())
}
