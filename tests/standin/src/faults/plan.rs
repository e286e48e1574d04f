//! Decides which request meets which fault.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::glob::matches;
use crate::random::{mix, unit};

use super::kind::Fault;

/// How often which fault strikes.
///
/// Whether a request meets a fault depends on the seed, the request (method,
/// path, sorted query, body) and how often it was sent before: a client that
/// sends the same requests meets the same faults, in whatever order.
#[derive(Debug, Clone)]
pub struct FaultConfig {
    /// Share of requests, 0 to 1, that meet one of the faults that go away on another try.
    pub rate: f64,
    /// Share of requests (or of records) that meet one kind.
    pub rates: Vec<(Fault, f64)>,
    /// One request meets at most so many faults in a row.
    pub max_in_a_row: u32,
    /// `Retry-After` of 429 and 503; whole seconds.
    pub retry_after: Duration,
    /// How long `hang` waits.
    pub hang: Duration,
    /// How long `drip` takes.
    pub drip: Duration,
    /// Only requests whose `METHOD /path?query` matches (`*` any text, `?` any character).
    pub only: Option<String>,
}

impl Default for FaultConfig {
    fn default() -> Self {
        FaultConfig {
            rate: 0.0,
            rates: Vec::new(),
            max_in_a_row: 3,
            retry_after: Duration::from_secs(1),
            hang: Duration::from_secs(2),
            drip: Duration::from_secs(2),
            only: None,
        }
    }
}

/// A fault at a certain request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Which requests count: a glob over `METHOD /path?query body`, query decoded, any case.
    #[serde(rename = "match")]
    pub matching: String,
    /// The first one that is struck, counted from 1.
    #[serde(default = "one")]
    pub nth: u64,
    /// So many in a row.
    #[serde(default = "one")]
    pub times: u64,
    /// The fault.
    pub fault: Fault,
}

fn one() -> u64 {
    1
}

/// The state behind [`FaultConfig`]: attempts counted, scripts running.
#[derive(Debug, Default)]
pub(crate) struct FaultPlan {
    /// By identity of the request: how often it came, and faults since its last proper reply.
    attempts: HashMap<u64, (u64, u32)>,
    scripts: Vec<(Script, u64)>,
    /// Records spoilt one by one, by id; `None` protects a record from the rates.
    records: HashMap<u64, Option<Fault>>,
}

impl FaultPlan {
    pub(crate) fn script(&mut self, script: Script) {
        self.scripts.push((script, 0));
    }

    pub(crate) fn poison(&mut self, id: u64, fault: Option<Fault>) {
        self.records.insert(id, fault);
    }

    /// Forgets attempts, scripts and spoilt records.
    pub(crate) fn clear(&mut self) {
        *self = FaultPlan::default();
    }

    /// Counts attempts from the beginning; scripts and spoilt records stay.
    pub(crate) fn forget_attempts(&mut self) {
        self.attempts.clear();
    }

    /// The fault that this request meets, if any. `shown` is what globs look at.
    pub(crate) fn strike(
        &mut self,
        config: &FaultConfig,
        seed: u64,
        identity: u64,
        shown: &str,
        is_search: bool,
    ) -> Option<Fault> {
        let mut scripted = None;
        for (script, seen) in &mut self.scripts {
            if matches(&script.matching, shown) {
                *seen += 1;
                if *seen >= script.nth && *seen < script.nth + script.times {
                    scripted = scripted.or(Some(script.fault));
                }
            }
        }
        if scripted.is_some() {
            return scripted;
        }
        let nothing = config.rate <= 0.0 && config.rates.is_empty();
        if nothing || config.only.as_ref().is_some_and(|glob| !matches(glob, shown)) {
            return None;
        }
        let (attempt, in_a_row) = self.attempts.entry(identity).or_default();
        *attempt += 1;
        let chance = mix(mix(seed, identity), *attempt);
        let fault =
            if *in_a_row < config.max_in_a_row { roll(config, chance, is_search) } else { None };
        *in_a_row = if fault.is_some() { *in_a_row + 1 } else { 0 };
        fault
    }

    /// The fault that a record has, if any.
    pub(crate) fn of_record(&self, config: &FaultConfig, seed: u64, id: u64) -> Option<Fault> {
        if let Some(fixed) = self.records.get(&id) {
            return *fixed;
        }
        let of_records = config.rates.iter().filter(|(fault, _)| fault.is_of_record());
        of_records
            .into_iter()
            .find(|(fault, rate)| unit(mix(mix(seed, id), *fault as u64)) < *rate)
            .map(|(fault, _)| *fault)
    }
}

fn roll(config: &FaultConfig, chance: u64, is_search: bool) -> Option<Fault> {
    let mut at = unit(chance);
    for (fault, rate) in config.rates.iter().filter(|(f, _)| !f.is_of_record()) {
        if at < *rate {
            return Some(*fault).filter(|f| is_search || !f.is_of_page());
        }
        at -= rate;
    }
    let mix_of = Fault::mix();
    (at < config.rate).then(|| mix_of[(mix(chance, 1) % mix_of.len() as u64) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(config: &FaultConfig, identity: u64, times: usize) -> Vec<Option<Fault>> {
        let mut plan = FaultPlan::default();
        (0..times).map(|_| plan.strike(config, 1, identity, "GET /x", true)).collect()
    }

    #[test]
    fn the_rate_holds_and_repeats_itself() {
        let config = FaultConfig { rate: 0.05, ..FaultConfig::default() };
        let mut plan = FaultPlan::default();
        let struck =
            (0..10_000).filter(|i| plan.strike(&config, 1, *i, "GET /x", true).is_some()).count();
        assert!((400..600).contains(&struck), "{struck}");
        assert_eq!(faults(&config, 7, 50), faults(&config, 7, 50));
    }

    #[test]
    fn never_more_than_so_many_in_a_row() {
        let config = FaultConfig { rate: 1.0, max_in_a_row: 2, ..FaultConfig::default() };
        let struck: Vec<bool> = faults(&config, 3, 7).iter().map(Option::is_some).collect();
        assert_eq!(struck, [true, true, false, true, true, false, true]);
    }

    #[test]
    fn a_script_strikes_the_nth_match_only() {
        let mut plan = FaultPlan::default();
        plan.script(Script { matching: "*search*".into(), nth: 2, times: 2, fault: Fault::Html });
        let mut strike = |shown: &str| plan.strike(&FaultConfig::default(), 1, 1, shown, true);
        assert_eq!(strike("GET /search"), None);
        assert_eq!(strike("GET /other"), None);
        assert_eq!(strike("GET /search"), Some(Fault::Html));
        assert_eq!(strike("GET /search"), Some(Fault::Html));
        assert_eq!(strike("GET /search"), None);
    }
}
