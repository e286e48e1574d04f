//! Makes the text of any planned issue on demand: a pure function of seed, project and number.

use std::fmt::Write;

use fastrand::Rng;

use crate::config::{Config, ConfigError};
use crate::data::Issue;
use crate::random::{hash, mix};

use super::people::People;
use super::plan::{Plan, plans};
use super::prose::fill;
use super::record;

/// The generator with all that records share.
#[derive(Debug)]
pub(crate) struct Generator {
    seed: u64,
    plans: Vec<Plan>,
    pub(super) base_url: String,
    pub(super) people: People,
    pub(super) null_fields: String,
    /// ASCII text without quotes and backslashes, for padding.
    pub(super) blob: String,
    pub(super) record_size: usize,
    pub(super) null_descriptions: f64,
}

/// The issue to be written, and its relatives: (number, id).
pub(super) struct Subject<'a> {
    pub(super) project_key: &'a str,
    pub(super) project_json: &'a str,
    pub(super) number: u32,
    pub(super) id: u64,
    pub(super) created: i64,
    pub(super) updated: i64,
    pub(super) parent: Option<(u32, u64)>,
    pub(super) children: Vec<(u32, u64)>,
    /// The plan that other issues may be taken from.
    plan: Option<&'a Plan>,
}

impl Subject<'_> {
    /// The number and id of any issue of the project.
    pub(super) fn some_issue(&self, rng: &mut Rng) -> (u32, u64) {
        match self.plan {
            Some(plan) => {
                let other = &plan.issues[rng.usize(..plan.issues.len())];
                (other.number, other.id)
            }
            None => (self.number, self.id),
        }
    }

    pub(super) fn some_number(&self, rng: &mut Rng) -> u32 {
        self.some_issue(rng).0
    }
}

impl Generator {
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        for key in &config.projects {
            let first = key.chars().next();
            let good = first.is_some_and(|c| c.is_ascii_uppercase())
                && key.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
            if !good {
                return Err(ConfigError(format!(
                    "`{key}` is not a project key: use capital letters, digits and _, a letter first"
                )));
            }
        }
        let mut blob = String::new();
        let mut rng = Rng::with_seed(mix(config.seed, 0x626c_6f62));
        while blob.len() < 64 << 10 {
            fill(
                &mut rng,
                "{summary={pullrequest=%m@%d, %n, overall={count=%d, lastUpdated=null, state=%p}}, ",
                &mut blob,
            );
            _ = write!(blob, "hash={:016x}}} ", rng.u64(..));
        }
        Ok(Generator {
            seed: config.seed,
            plans: plans(
                config.seed,
                &config.projects,
                config.issues_per_project,
                &config.base_url,
            ),
            people: People::new(config.seed, &config.base_url),
            base_url: config.base_url.clone(),
            null_fields: record::null_fields(),
            blob,
            record_size: config.record_size,
            null_descriptions: config.null_descriptions,
        })
    }

    pub(crate) fn plans(&self) -> &[Plan] {
        &self.plans
    }

    /// The random numbers of one issue.
    pub(super) fn rng(&self, project: &str, number: u32) -> Rng {
        Rng::with_seed(mix(self.seed ^ hash(project.as_bytes()), u64::from(number)))
    }

    /// The issue at that position of a project's plan.
    pub(crate) fn issue(&self, project: usize, position: usize, inline: usize) -> Issue {
        let plan = &self.plans[project];
        let planned = &plan.issues[position];
        let relative = |i: usize| (plan.issues[i].number, plan.issues[i].id);
        let back = usize::from(planned.parent_back);
        self.write(
            &Subject {
                project_key: &plan.key,
                project_json: &plan.json,
                number: planned.number,
                id: planned.id,
                created: planned.created,
                updated: planned.updated,
                parent: (back > 0).then(|| relative(position - back)),
                children: (1..=usize::from(planned.children))
                    .map(|n| relative(position + n))
                    .collect(),
                plan: Some(plan),
            },
            inline,
        )
    }

    /// An issue outside the plan, created at `now`, without relatives.
    pub(crate) fn extra(
        &self,
        key: &str,
        project_json: &str,
        number: u32,
        id: u64,
        now: i64,
        inline: usize,
    ) -> Issue {
        let subject = Subject {
            project_key: key,
            project_json,
            number,
            id,
            created: now,
            updated: now,
            parent: None,
            children: Vec::new(),
            plan: None,
        };
        self.write(&subject, inline)
    }

    fn write(&self, subject: &Subject<'_>, inline: usize) -> Issue {
        let (text, overflow) = record::write(self, subject, inline);
        Issue::from_parts(text, overflow)
    }
}
