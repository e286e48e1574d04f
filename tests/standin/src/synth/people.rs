//! The people (and bots) who write the issues.

use fastrand::Rng;

use crate::json::quoted;
use crate::random::Dice;

/// User objects as JSON, ready to be put into records.
#[derive(Debug)]
pub(super) struct People {
    /// Login names of the humans.
    pub(super) names: Vec<String>,
    humans: Vec<String>,
    bots: [String; 3],
}

/// The bots that trackers of the Apache kind have.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bot {
    /// Relays what people write on pull requests.
    PullRequests,
    /// Reports commits.
    Commits,
    /// Reports test runs of patches.
    Patches,
}

const FIRST: [&str; 20] = [
    "Ada", "Björn", "Chen", "Dilip", "Élodie", "Farid", "Gwen", "Hana", "Ivo", "Jørgen", "Kofi",
    "Łucja", "Mirai", "Nadia", "Oskar", "Priya", "Quim", "Rosa", "Tomás", "雨",
];
const LAST: [&str; 16] = [
    "Ashdown",
    "Birkelund",
    "Castaño",
    "Dray",
    "Ekwueme",
    "Fairwater",
    "Gatt",
    "Holloway",
    "Ishikawa",
    "Jankowski",
    "Kestrel",
    "Lindqvist",
    "Marsh",
    "Norwood",
    "O'Tide",
    "Petrov-Sand",
];

impl People {
    pub(super) fn new(seed: u64, base_url: &str) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0x7065_6f70_6c65);
        let mut people = People { names: Vec::new(), humans: Vec::new(), bots: Default::default() };
        for i in 0..60 {
            let (first, last) = (rng.pick(&FIRST), rng.pick(&LAST));
            let plain: String = last
                .chars()
                .filter(char::is_ascii_alphabetic)
                .collect::<String>()
                .to_ascii_lowercase();
            let name = match i % 12 {
                0 => format!("{plain}{i}@example.org"),
                1 => format!("{plain}.{i}"),
                2 => format!("JIRAUSER1{i:04}"),
                _ => format!("{plain}{i}"),
            };
            // A user who was renamed keeps the first key.
            let key = if i % 10 == 3 { format!("user{i}") } else { name.clone() };
            let display = if i % 15 == 7 { name.clone() } else { format!("{first} {last}") };
            people.humans.push(user(base_url, &name, &key, &display, i % 9 != 4));
            people.names.push(name);
        }
        people.bots = [
            ("githubbot", "ASF GitHub Bot"),
            ("jira-bot", "ASF subversion and git services"),
            ("hadoopqa", "Hadoop QA"),
        ]
        .map(|(name, display)| user(base_url, name, name, display, true));
        people
    }

    /// A human's user object; few of them write most of the text.
    pub(super) fn human(&self, rng: &mut Rng) -> &str {
        let last = self.humans.len() as u64 - 1;
        &self.humans[rng.heavy(6.0, 1.1, last) as usize]
    }

    pub(super) fn bot(&self, bot: Bot) -> &str {
        &self.bots[bot as usize]
    }
}

fn user(base: &str, name: &str, key: &str, display: &str, active: bool) -> String {
    let avatar =
        |size: &str| format!("{base}/secure/useravatar?{size}ownerId={key}&avatarId=10452");
    format!(
        r#"{{"self":"{base}/rest/api/2/user?username={}","name":{},"key":{},"avatarUrls":{{"48x48":"{}","24x24":"{}","16x16":"{}","32x32":"{}"}},"displayName":{},"active":{active},"timeZone":"Etc/UTC"}}"#,
        name.replace('@', "%40"),
        quoted(name),
        quoted(key),
        avatar(""),
        avatar("size=small&"),
        avatar("size=xsmall&"),
        avatar("size=medium&"),
        quoted(display),
    )
}
