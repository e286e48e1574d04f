//! The engine's own rules of `on_response:`, which come after a spec's. They are
//! written in the language itself, so that `scrape explain` shows them as they are.

use super::{Condition, Rule, Wait};
use crate::spec::decode::{Cx, Decode};
use crate::spec::lang::{RuleSpec, WaitSpec};
use crate::spec::params::NoTemplates;
use crate::spec::{Diagnostics, Sources, parse};

/// As they are written.
pub const ENGINE_RULES: &str = include_str!("engine_rules.yaml");

/// What is done about a reply or a failure that no rule of the spec is about.
pub fn engine_rules() -> Vec<Rule> {
    let mut diagnostics = Diagnostics::default();
    let node = parse(ENGINE_RULES, u32::MAX, &mut diagnostics);
    let sources = Sources::default();
    let mut cx = Cx {
        diagnostics: &mut diagnostics,
        evaluate: &mut NoTemplates,
        sources: &sources,
        partial: false,
    };
    let specs = node.map(|node| Vec::<RuleSpec>::decode(&node, &mut cx)).unwrap_or_default();
    debug_assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    let own = |spec: &RuleSpec| Rule { span: None, ..Rule::of(spec, Condition::of(&spec.when)) };
    specs.iter().map(own).collect()
}

impl Rule {
    /// The rule that a spec writes, with its condition made ready.
    pub fn of(spec: &RuleSpec, when: Condition) -> Self {
        let wait = spec.wait.0.iter().map(|wait| match wait {
            WaitSpec::Header(header) => {
                Wait::Header { name: header.header.clone(), max: header.max }
            }
            WaitSpec::Fixed(time) => Wait::Fixed(*time),
            WaitSpec::Backoff => Wait::Backoff,
        });
        Self {
            when,
            action: spec.action,
            pause: spec.pause,
            wait: wait.collect(),
            shrink_page: spec.shrink_page,
            say: spec.say.clone(),
            span: Some(spec.span),
        }
    }
}

impl Condition {
    /// What a spec writes, but for looks into JSON, whose paths have to be compiled.
    pub fn of(spec: &crate::spec::lang::ConditionSpec) -> Self {
        Self {
            status: spec.status.0.clone(),
            transport: spec.transport.0.clone(),
            reply: spec.reply.0.clone(),
            body: spec.body.clone(),
            header: spec.header.0.iter().map(|(k, v)| (k.text.clone(), v.clone())).collect(),
            json: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Action;

    #[test]
    fn the_engines_rules_are_sound_and_cover_every_status() {
        let rules = engine_rules();
        assert_eq!(rules.len(), ENGINE_RULES.matches("- if:").count());
        for status in 300..600 {
            let covers = |rule: &Rule| rule.when.status.iter().any(|s| s.matches(status));
            assert!(rules.iter().any(covers), "{status}");
        }
        let last = rules.last().map(|rule| rule.action);
        assert_eq!(last, Some(Action::FailPartition));
    }
}
