//! Which issues a synthetic project has: numbers with gaps, ids and dates out of order.

use fastrand::Rng;

use crate::random::{Dice, hash, mix};
use crate::time::DAY;

/// The facts of an issue that searching needs; its text follows from them.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) id: u64,
    pub(crate) number: u32,
    /// Epoch milliseconds.
    pub(crate) created: i64,
    /// Epoch milliseconds.
    pub(crate) updated: i64,
    /// Sub-tasks: so many of the issues that follow in the plan.
    pub(crate) children: u8,
    /// The parent stands so many places before; 0 for none.
    pub(crate) parent_back: u8,
}

/// One synthetic project.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) id: u64,
    /// The `project` object.
    pub(crate) json: String,
    /// By rising number.
    pub(crate) issues: Vec<Planned>,
}

/// 2012-01-01 and 2025-06-01: what the synthetic history spans.
const BEGIN: i64 = 1_325_376_000_000;
const END: i64 = 1_748_736_000_000;

/// Plans all projects; ids are unique over all of them.
pub(super) fn plans(seed: u64, keys: &[String], count: u32, base_url: &str) -> Vec<Plan> {
    let mut plans: Vec<Plan> = keys
        .iter()
        .zip(12_310_001..)
        .map(|(key, id)| plan(seed, key, id, count, base_url))
        .collect();
    // Ids were given out in the order of creation, over all projects, with steps;
    // numbers were not: an issue that came from elsewhere got its number late.
    let mut by_age: Vec<(i64, usize, usize)> = plans
        .iter()
        .enumerate()
        .flat_map(|(p, plan)| {
            plan.issues.iter().enumerate().map(move |(i, issue)| (issue.created, p, i))
        })
        .collect();
    by_age.sort_unstable();
    let mut rng = Rng::with_seed(mix(seed, 0x6964));
    let mut id = 12_400_000;
    for (_, project, issue) in by_age {
        id += rng.u64(1..9);
        plans[project].issues[issue].id = id;
    }
    plans
}

fn plan(seed: u64, key: &str, id: u64, count: u32, base_url: &str) -> Plan {
    let mut rng = Rng::with_seed(mix(seed, hash(key.as_bytes())));
    let lower = key.to_ascii_lowercase();
    let name = lower[..1].to_ascii_uppercase() + &lower[1..];
    let step = (END - BEGIN) / i64::from(count.max(1));
    let mut number = 0;
    let mut issues: Vec<Planned> = Vec::with_capacity(count as usize);
    let mut family = 0;
    for i in 0..count {
        // Deleted and moved issues leave gaps: one number in seven is missing.
        number += 1 + if rng.chance(0.1) { rng.heavy(1.0, 1.5, 9) as u32 } else { 0 };
        let mut created = BEGIN + i64::from(i) * step + rng.i64(0..step.max(2));
        if rng.chance(0.07) {
            created = (created - rng.i64(1..40) * step).max(BEGIN);
        }
        let quiet = rng.chance(0.08);
        let lag =
            if quiet { 0 } else { rng.heavy(2.0, 0.5, 2000) as i64 * DAY + rng.i64(1_000..DAY) };
        let mut planned = Planned {
            id: 0,
            number,
            created,
            updated: (created + lag).min(END.max(created)),
            children: 0,
            parent_back: 0,
        };
        if family > 0 {
            let parent = issues.iter().rposition(|p| p.children > 0).unwrap_or(0);
            planned.parent_back = (issues.len() - parent) as u8;
            family -= 1;
        } else if i + 4 < count && rng.chance(0.03) {
            family = rng.u8(1..4);
            planned.children = family;
        }
        issues.push(planned);
    }
    let avatar =
        |size: &str| format!("{base_url}/secure/projectavatar?{size}pid={id}&avatarId=10011");
    let json = format!(
        r#"{{"self":"{base_url}/rest/api/2/project/{id}","id":"{id}","key":"{key}","name":"{name}","projectTypeKey":"software","avatarUrls":{{"48x48":"{}","24x24":"{}","16x16":"{}","32x32":"{}"}},"projectCategory":{{"self":"{base_url}/rest/api/2/projectCategory/10000","id":"10000","description":"Tides and sensors","name":"Lanternfish"}}}}"#,
        avatar(""),
        avatar("size=small&"),
        avatar("size=xsmall&"),
        avatar("size=medium&"),
    );
    Plan { key: key.to_owned(), name, id, json, issues }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_as_untidy_as_a_real_project() {
        let plans = plans(7, &["TIDE".into(), "REEF".into()], 2_000, "https://x");
        let issues = &plans[0].issues;
        assert!(issues.windows(2).all(|w| w[0].number < w[1].number));
        assert!(issues.iter().all(|i| i.updated >= i.created && i.id > 0));
        let pairs = issues.len() as f64 - 1.0;
        let inverted =
            issues.windows(2).filter(|w| w[0].created > w[1].created).count() as f64 / pairs;
        assert!((0.04..0.2).contains(&inverted), "{inverted}");
        let gaps = 1.0 - issues.len() as f64 / f64::from(issues[issues.len() - 1].number);
        assert!((0.05..0.25).contains(&gaps), "{gaps}");
        let mut ids: Vec<u64> = plans.iter().flat_map(|p| p.issues.iter().map(|i| i.id)).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 4_000);
    }
}
