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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::SqliteStore;

    fn writer() -> (tempfile::TempDir, Writer) {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::create(&folder.path().join("store.db")).unwrap();
        (folder, Writer::start(Box::new(store)).unwrap())
    }

    /// Waits for what must never hang.
    async fn soon<T>(work: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(20), work).await.expect("hangs")
    }

    #[tokio::test]
    async fn work_is_done_in_order_and_answered() {
        let (_folder, writer) = writer();
        let tasks: Vec<_> = (0..100)
            .map(|n: u32| {
                let writer = writer.clone();
                tokio::spawn(async move {
                    writer.with(move |store| store.set_meta(&n.to_string(), "done")).await
                })
            })
            .collect();
        for task in tasks {
            soon(task).await.unwrap().unwrap();
        }
        let last = soon(writer.with(|store| store.meta("99"))).await.unwrap();
        assert_eq!(last.as_deref(), Some("done"));
    }

    #[tokio::test]
    async fn an_error_comes_back_and_the_thread_goes_on() {
        let (_folder, writer) = writer();
        let full = soon(writer.with(|_| Err::<(), _>(Error::Full { path: "p".to_owned() }))).await;
        assert!(matches!(full, Err(Error::Full { .. })));
        soon(writer.with(|store| store.set_meta("a", "b"))).await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_is_an_error_for_all_and_hangs_nobody() {
        let (folder, writer) = writer();
        soon(writer.with(|store| store.set_meta("a", "b"))).await.unwrap();
        let panicked = soon(writer.with(|_| -> Result<()> { panic!("on purpose") })).await;
        assert!(matches!(panicked, Err(Error::Unusable { .. })));
        let tasks: Vec<_> = (0..40)
            .map(|_| {
                let writer = writer.clone();
                tokio::spawn(async move { writer.with(|store| store.meta("a")).await })
            })
            .collect();
        for task in tasks {
            assert!(matches!(soon(task).await.unwrap(), Err(Error::Unusable { .. })));
        }
        assert!(soon(writer.close()).await.is_err());
        let store = SqliteStore::open(&folder.path().join("store.db")).unwrap();
        assert_eq!(store.meta("a").unwrap().as_deref(), Some("b"));
    }

    #[tokio::test]
    async fn closing_finishes_what_was_asked_for_and_gives_the_store_back() {
        let (_folder, writer) = writer();
        let other = writer.clone();
        let late = writer.clone();
        let (begun, wait) = oneshot::channel();
        let slow = tokio::spawn(async move {
            let work = move |store: &mut dyn Store| {
                let _ = begun.send(());
                std::thread::sleep(Duration::from_millis(50));
                store.set_meta("slow", "done")
            };
            other.with(work).await
        });
        soon(wait).await.unwrap();
        let store = soon(writer.close()).await.unwrap();
        soon(slow).await.unwrap().unwrap();
        assert_eq!(store.meta("slow").unwrap().as_deref(), Some("done"));
        assert!(soon(late.with(|store| store.meta("slow"))).await.is_err());
    }

    #[tokio::test]
    async fn what_was_asked_for_is_done_though_nobody_waits() {
        let (folder, writer) = writer();
        let work = writer.with(|store| {
            std::thread::sleep(Duration::from_millis(50));
            store.set_meta("a", "b")
        });
        assert!(tokio::time::timeout(Duration::from_millis(5), work).await.is_err());
        // Waits for the thread: the file is whole, its log is gone.
        drop(writer);
        assert!(!folder.path().join("store.db-wal").exists());
        let store = SqliteStore::open(&folder.path().join("store.db")).unwrap();
        assert_eq!(store.meta("a").unwrap().as_deref(), Some("b"));
    }
}
