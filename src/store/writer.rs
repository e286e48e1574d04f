//! The one thread that writes to the store, and handles to it.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use super::{Error, Result, Store};

/// Commits that may wait for the thread; beyond that callers wait.
const QUEUE: usize = 16;

type Job = Box<dyn FnOnce(&mut dyn Store) + Send>;

enum Message {
    Run(Job),
    Close(oneshot::Sender<Box<dyn Store>>),
}

/// A handle to the thread that owns the store while a run collects. Cheap to
/// clone. When the last is dropped, the thread finishes what it has and ends.
#[derive(Clone)]
pub struct Writer(Arc<Inner>);

struct Inner {
    /// Is taken when the last handle goes.
    sender: Option<mpsc::Sender<Message>>,
    thread: Option<JoinHandle<()>>,
    path: String,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(store: Box<dyn Store>) -> Result<Self> {
        let path = store.path().display().to_string();
        let (sender, receiver) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || work(store, receiver))
            .map_err(|cause| Error::Unusable {
                path: path.clone(),
                cause: format!("no thread to write it: {cause}"),
            })?;
        Ok(Self(Arc::new(Inner { sender: Some(sender), thread: Some(thread), path })))
    }

    /// Does something with the store and waits until it is done. What was asked
    /// for is done even if the caller stops waiting.
    ///
    /// # Errors
    /// What `work` returns; [`Error::Unusable`] when the thread has ended.
    pub async fn with<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Store) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        let (reply, result) = oneshot::channel();
        let job: Job = Box::new(move |store| {
            let _ = reply.send(work(store));
        });
        self.send(Message::Run(job)).await?;
        result.await.map_err(|_| self.ended())?
    }

    /// Ends the thread after what was asked for so far, and returns the store.
    /// Other handles get an error from then on.
    ///
    /// # Errors
    /// [`Error::Unusable`] when the thread has ended before.
    pub async fn close(self) -> Result<Box<dyn Store>> {
        let (reply, store) = oneshot::channel();
        self.send(Message::Close(reply)).await?;
        store.await.map_err(|_| self.ended())
    }

    async fn send(&self, message: Message) -> Result<()> {
        let Some(sender) = &self.0.sender else {
            return Err(self.ended());
        };
        sender.send(message).await.map_err(|_| self.ended())
    }

    fn ended(&self) -> Error {
        Error::Unusable {
            path: self.0.path.clone(),
            cause: "the thread that writes it has ended; what was committed is safe, go on with \
                    --resume"
                .to_owned(),
        }
    }
}

fn work(mut store: Box<dyn Store>, mut receiver: mpsc::Receiver<Message>) {
    while let Some(message) = receiver.blocking_recv() {
        match message {
            Message::Run(job) => job(&mut *store),
            Message::Close(reply) => {
                let _ = reply.send(store);
                return;
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The store is whole on the disk when the last handle is gone.
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
