//! The points themselves. They do something only in this library's own test
//! build, which `cargo test` makes anyway: there is no feature that a released
//! binary could be built with, and no build beside the usual ones.

/// A point of this name is passed.
#[inline]
pub(crate) fn point(name: &'static str) {
    #[cfg(test)]
    chosen::pass(name);
    #[cfg(not(test))]
    let _ = name;
}

#[cfg(test)]
pub(super) mod chosen {
    use std::collections::BTreeMap;
    use std::sync::{LazyLock, Mutex, PoisonError};

    /// The variable that says where the process ends: `commit:3`, at the third
    /// passing of the point `commit`.
    pub(crate) const KILL_AT: &str = "SCRAPE_TEST_KILL_AT";

    static CHOSEN: LazyLock<Option<(String, u64)>> = LazyLock::new(|| {
        let chosen = std::env::var(KILL_AT).ok()?;
        let (name, passing) = chosen.rsplit_once(':')?;
        Some((name.to_owned(), passing.parse().ok()?))
    });

    static PASSED: Mutex<BTreeMap<&str, u64>> = Mutex::new(BTreeMap::new());

    pub(crate) fn pass(name: &'static str) {
        let mut passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
        let count = passed.entry(name).or_default();
        *count += 1;
        if CHOSEN.as_ref().is_some_and(|(chosen, passing)| chosen == name && passing == count) {
            // Like SIGKILL: no destructor runs, nothing is flushed. It takes no
            // other thread's word for it either.
            std::process::abort();
        }
    }

    /// How often each point was passed so far.
    pub(crate) fn passed() -> BTreeMap<&'static str, u64> {
        PASSED.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
