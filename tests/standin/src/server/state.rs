//! What all connections share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;

use tokio::sync::Notify;

use crate::action::Action;
use crate::config::Config;
use crate::data::Catalog;
use crate::faults::FaultPlan;
use crate::stats::Log;

use super::limiter::Bucket;

/// The state of a running server.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: RwLock<Config>,
    pub(crate) catalog: RwLock<Catalog>,
    pub(crate) faults: Mutex<FaultPlan>,
    pub(crate) log: Mutex<Log>,
    pub(crate) bucket: Mutex<Bucket>,
    /// Searches answered so far.
    pub(crate) searches: AtomicU64,
    /// What is to happen before the search of that number.
    pub(crate) schedule: Mutex<Vec<(u64, Vec<Action>)>>,
    /// By query without its place: the page that was sent last.
    pub(crate) last_pages: Mutex<HashMap<u64, Vec<u32>>>,
    /// Wrong credentials in a row.
    pub(crate) failed_logins: AtomicU32,
    /// Connections are refused until then.
    pub(crate) offline_until: Mutex<Option<Instant>>,
    pub(crate) went_offline: Notify,
    pub(crate) shutdown: Notify,
    pub(crate) sessions: AtomicU64,
}

impl Shared {
    pub(crate) fn new(config: Config, catalog: Catalog) -> Self {
        Shared {
            bucket: Mutex::new(Bucket::new()),
            config: RwLock::new(config),
            catalog: RwLock::new(catalog),
            faults: Mutex::default(),
            log: Mutex::new(Log::new()),
            searches: AtomicU64::new(0),
            schedule: Mutex::default(),
            last_pages: Mutex::default(),
            failed_logins: AtomicU32::new(0),
            offline_until: Mutex::default(),
            went_offline: Notify::new(),
            shutdown: Notify::new(),
            sessions: AtomicU64::new(0),
        }
    }

    pub(crate) fn config(&self) -> RwLockReadGuard<'_, Config> {
        self.config.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn config_mut(&self) -> RwLockWriteGuard<'_, Config> {
        self.config.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn catalog(&self) -> RwLockReadGuard<'_, Catalog> {
        self.catalog.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn catalog_mut(&self) -> RwLockWriteGuard<'_, Catalog> {
        self.catalog.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }
}

/// Locks; a panic elsewhere while it was held does not matter to a test server.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
