//! Comments: mostly of people, with most of the characters from bots.

use std::fmt::Write;

use fastrand::Rng;

use crate::json::push_string;
use crate::random::Dice;
use crate::time::jira_time;

use super::markup::{self, Context};
use super::people::{Bot, People};
use super::prose::{fill, sentences};

/// What the comments of an issue hang on.
pub(super) struct Thread<'a> {
    pub(super) base_url: &'a str,
    pub(super) issue_id: u64,
    pub(super) issue_key: &'a str,
    pub(super) title: &'a str,
    /// The comments' times lie between these two, in epoch milliseconds.
    pub(super) from: i64,
    pub(super) to: i64,
}

/// How many comments an issue has: a quarter has none, one in seventy more than twenty.
pub(super) fn count(rng: &mut Rng) -> usize {
    if rng.chance(0.25) { 0 } else { 1 + rng.heavy(3.2, 2.1, 220) as usize }
}

/// Each comment as a JSON object, the oldest first.
pub(super) fn write(
    rng: &mut Rng,
    people: &People,
    context: &Context<'_>,
    thread: &Thread<'_>,
    count: usize,
) -> Vec<String> {
    let mut times: Vec<i64> = (0..count).map(|_| rng.i64(thread.from..=thread.to)).collect();
    times.sort_unstable();
    if count > 2 && rng.chance(0.1) {
        times[1] = times[0];
    }
    let mut out = Vec::with_capacity(count);
    for (i, created) in times.into_iter().enumerate() {
        let kind = rng.f64();
        let (author, body) = if kind < 0.15 {
            (people.bot(Bot::PullRequests), relay(rng, context, thread))
        } else if kind < 0.18 {
            (people.bot(Bot::Patches), patch_report(rng, thread))
        } else if kind < 0.21 {
            (people.bot(Bot::Commits), commit(rng, thread))
        } else {
            let target = 60 + rng.heavy(180.0, 1.6, 12_000) as usize;
            (people.human(rng), markup::text(rng, context, target))
        };
        let nobody = rng.chance(0.004);
        let updated = if rng.chance(0.06) {
            (created + rng.i64(1_000..600_000)).min(thread.to)
        } else {
            created
        };
        // Room for 256 comments an issue.
        let id = 1_000_000_000 + thread.issue_id * 256 + i as u64;
        let mut json = String::with_capacity(body.len() + author.len() * 2 + 300);
        _ = write!(
            json,
            r#"{{"self":"{}/rest/api/2/issue/{}/comment/{id}","id":"{id}""#,
            thread.base_url, thread.issue_id
        );
        _ = write!(json, r#","author":{}"#, if nobody { "null" } else { author });
        json.push_str(r#","body":"#);
        push_string(&mut json, &body);
        _ = write!(json, r#","updateAuthor":{}"#, if nobody { "null" } else { author });
        _ = write!(
            json,
            r#","created":"{}","updated":"{}"}}"#,
            jira_time(created),
            jira_time(updated)
        );
        out.push(json);
    }
    out
}

/// What somebody wrote on a pull request, passed on by the bot.
fn relay(rng: &mut Rng, context: &Context<'_>, thread: &Thread<'_>) -> String {
    let number = 1 + thread.issue_id % 9000;
    let login =
        context.names[rng.usize(..context.names.len())].split(['@', '.']).next().unwrap_or("tide");
    let login =
        if rng.chance(0.25) { rng.pick(&["hadoop-yetus", "github-actions[bot]"]) } else { login };
    let url = format!(
        "https://github.com/lanternfish/{}/pull/{number}",
        context.project.to_ascii_lowercase()
    );
    let mut out = String::new();
    match rng.u32(..10) {
        0 | 1 => {
            _ = writeln!(out, "{login} opened a new pull request, #{number}:\nURL: {url}\n");
            _ = write!(
                out,
                "   [{}] {}\r\n   \r\n   ### What changes\r\n   ",
                thread.issue_key, thread.title
            );
        }
        2..=4 => {
            _ = write!(
                out,
                "{login} commented on code in PR #{number}:\nURL: {url}#discussion_r{}\n\n\n",
                rng.u32(..99_999_999)
            );
            out.push_str("##########\nsrc/main/java/org/lanternfish/store/");
            fill(
                rng,
                "%c.java:\n##########\n@@ -%d,7 +%d,9 @@\n-    store.%m(%d);\n+    store.%m(%d, null);\n",
                &mut out,
            );
            out.push_str("\nReview Comment:\n   ");
        }
        _ => {
            _ = write!(
                out,
                "{login} commented on PR #{number}:\nURL: {url}#issuecomment-{}\n\n   ",
                rng.u32(..99_999_999)
            )
        }
    }
    let count = 1 + rng.heavy(2.0, 1.3, 60) as usize;
    sentences(rng, count, &mut out);
    out.push_str("\n\n\n");
    out
}

/// A table of checks, as test-patch bots write them.
fn patch_report(rng: &mut Rng, thread: &Thread<'_>) -> String {
    let mut out = String::from(
        "| (x) *{color:red}-1 overall{color}* |\n\\\\\n\\\\\n|| Vote || Subsystem || Runtime || Comment ||\n",
    );
    for _ in 0..rng.usize(6..24) {
        let (vote, colour) = *rng.pick(&[&("+1", "green"), &("0", "blue"), &("-1", "red")]);
        _ = write!(out, "| {{color:{colour}}}{vote}{{color}} | {{color:{colour}}} ");
        fill(rng, "%i-%n", &mut out);
        _ = write!(
            out,
            " {{color}} | {{color:{colour}}} {}m {}s {{color}} | {{color:{colour}}} ",
            rng.u32(..90),
            rng.u32(..60)
        );
        fill(rng, "The patch %v the %n %d times. {color} |\n", &mut out);
    }
    out.push_str("\\\\\n|| Reason || Tests ||\n");
    for _ in 0..rng.usize(0..5) {
        fill(rng, "| Failed tests | org.lanternfish.store.Test%c |\n", &mut out);
    }
    _ = write!(
        out,
        "\\\\\n\\\\\n|| Subsystem || Report/Notes ||\n| JIRA Issue | {} |\n\nThis message was automatically generated.\n",
        thread.issue_key
    );
    out
}

fn commit(rng: &mut Rng, thread: &Thread<'_>) -> String {
    let mut out =
        format!("Commit {:032x}{:08x} in branch refs/heads/main from ", rng.u128(..), rng.u32(..));
    fill(rng, "%N\n", &mut out);
    _ = write!(
        out,
        "[ https://gitbox.example.org/repos/lanternfish?h={:07x} ]\n\n{}. {}\n",
        rng.u32(..) >> 4,
        thread.issue_key,
        thread.title
    );
    out
}
