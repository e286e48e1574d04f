//! The options of the command line.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use scrape_standin::{
    Auth, Config, ConfigError, Deployment, Encodings, Fault, FaultConfig, MissingKeys,
};

const EXAMPLES: &str = "Examples:
  jira-standin --port 8080
      100 invented issues each of KAFKA, SPARK and HADOOP
  jira-standin --port 8080 --issues issues.jsonl --inline-comments 5
      the issues of a file, five comments inline, the rest from /comment
  jira-standin --projects TIDE --issues-per-project 5000 --faults 0.05 --latency 20ms
      5,000 issues; one request in twenty fails in a way that another try mends

The line `listening on http://127.0.0.1:PORT/jira` says where it is. While it runs:
  curl http://127.0.0.1:PORT/_control/stats
  curl http://127.0.0.1:PORT/_control/move -d '{\"key\": \"KAFKA-7\", \"to\": \"SPARK\"}'
Actions: update, comment, create, move, delete, vanish, appear, poison, faults, script,
clear-faults, after, offline, set, reset, shutdown.
";

fn option(
    name: &'static str,
    value: &'static str,
    help: impl Into<clap::builder::StyledStr>,
) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// The whole command line.
pub(crate) fn command() -> Command {
    let mut kinds = String::from("Faults (kinds of --fault):\n");
    for fault in Fault::all() {
        _ = writeln!(kinds, "  {:<16} {}", fault.name(), fault.about());
    }
    Command::new("jira-standin")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A stand-in for a Jira Data Center server, on loopback only")
        .after_help(EXAMPLES)
        .after_long_help(format!("{EXAMPLES}\n{kinds}"))
        .next_help_heading("Data")
        .arg(
            option(
                "issues",
                "FILE",
                "Serve the issues of a JSON Lines file, one a line (repeatable)",
            )
            .action(ArgAction::Append)
            .value_parser(value_parser!(PathBuf)),
        )
        .arg(option(
            "inline-comments",
            "N|all",
            "Comments of an issue that are inline; the others come from /comment [default: 20]",
        ))
        .arg(option(
            "projects",
            "KEYS",
            "Projects with invented issues [default: KAFKA,SPARK,HADOOP, none with --issues]",
        ))
        .arg(
            option("issues-per-project", "N", "Invented issues of each")
                .value_parser(value_parser!(u32))
                .default_value("100"),
        )
        .arg(
            option("seed", "N", "Seed of issues and faults")
                .value_parser(value_parser!(u64))
                .default_value("1"),
        )
        .arg(
            option("size", "BYTES", "Mean size of an invented record, by padding; 0: natural")
                .value_parser(value_parser!(usize))
                .default_value("0"),
        )
        .arg(
            option("null-descriptions", "SHARE", "Invented issues without description")
                .value_parser(share)
                .default_value("0.39"),
        )
        .next_help_heading("Server")
        .arg(
            option("port", "PORT", "Port on 127.0.0.1; 0 picks a free one")
                .value_parser(value_parser!(u16))
                .default_value("0"),
        )
        .arg(option("context-path", "PATH", "What every path begins with").default_value("/jira"))
        .arg(
            option("base-url", "URL", "Base of the links in invented records")
                .default_value("https://issues.example.org/jira"),
        )
        .arg(flag("cloud", "Say that this is Cloud: /search answers 410"))
        .arg(
            option("robots", "FILE", "Body of /robots.txt [default: 404]")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(
            option(
                "encoding",
                "LIST",
                "Content encodings, the preferred one first: gzip,br,zstd or identity",
            )
            .default_value("gzip,br,zstd"),
        )
        .arg(
            option("workers", "N", "Threads").value_parser(value_parser!(usize)).default_value("2"),
        )
        .next_help_heading("Limits")
        .arg(
            option("max-page", "N", "Greatest maxResults")
                .value_parser(value_parser!(u32))
                .default_value("1000"),
        )
        .arg(
            option("window", "N", "500 when startAt + maxResults is above N")
                .value_parser(value_parser!(u64)),
        )
        .arg(
            option("reset-above", "N", "Reset pages of more than N full records")
                .value_parser(value_parser!(u32)),
        )
        .arg(flag(
            "compare-missing-keys",
            "JQL compares keys that do not exist instead of refusing them",
        ))
        .arg(
            option("limit-rps", "N", "429 above N requests a second")
                .value_parser(value_parser!(f64)),
        )
        .arg(option("latency", "TIME", "Added to every reply: 20ms, 1s").value_parser(duration))
        .next_help_heading("Authentication")
        .arg(option("basic", "USER:PASSWORD", "Want basic authentication"))
        .arg(option("bearer", "TOKEN", "Want a bearer token").conflicts_with("basic"))
        .arg(
            option("header", "NAME:VALUE", "Want a header").conflicts_with_all(["basic", "bearer"]),
        )
        .arg(flag("auth-ignored", "Wrong or no credentials: 200, X-AUSERNAME: anonymous"))
        .arg(
            option("captcha-after", "N", "403 with CAPTCHA after N wrong credentials")
                .value_parser(value_parser!(u32)),
        )
        .next_help_heading("Faults")
        .arg(
            option("faults", "SHARE", "Requests that meet a fault which another try mends")
                .value_parser(share)
                .default_value("0"),
        )
        .arg(
            option(
                "fault",
                "KIND=SHARE",
                "Requests (or records) with one kind of fault; kinds: see --help (repeatable)",
            )
            .action(ArgAction::Append)
            .value_parser(rated),
        )
        .arg(option("fault-only", "GLOB", "Only for requests `METHOD /path?query` that match"))
        .arg(
            option("max-faults-in-a-row", "N", "For one and the same request")
                .value_parser(value_parser!(u32))
                .default_value("3"),
        )
        .arg(
            option("retry-after", "TIME", "In 429 and 503; whole seconds")
                .value_parser(duration)
                .default_value("1s"),
        )
        .arg(
            option("hang", "TIME", "How long `hang` waits")
                .value_parser(duration)
                .default_value("2s"),
        )
        .arg(option("redirect-to", "ORIGIN", "Where `redirect` leads: http://host:port"))
        .arg(
            option("drip", "TIME", "How long `drip` takes")
                .value_parser(duration)
                .default_value("2s"),
        )
}

/// What the command line says.
pub(crate) fn config(matches: &ArgMatches) -> Result<Config, ConfigError> {
    let default = Config::default();
    let text = |name: &str| matches.get_one::<String>(name);
    let count = |name: &str| matches.get_one::<usize>(name).copied().unwrap_or(0);
    let optional = |name: &str| matches.get_one::<u32>(name).copied();
    let time = |name: &str| matches.get_one::<Duration>(name).copied().unwrap_or(Duration::ZERO);
    let part = |value: &f64| *value;
    let files: Vec<PathBuf> = matches.get_many("issues").into_iter().flatten().cloned().collect();
    let projects = match text("projects") {
        Some(keys) => {
            keys.split(',').map(|k| k.trim().to_owned()).filter(|k| !k.is_empty()).collect()
        }
        None if files.is_empty() => ["KAFKA", "SPARK", "HADOOP"].map(Into::into).to_vec(),
        None => Vec::new(),
    };
    let robots = match matches.get_one::<PathBuf>("robots") {
        Some(path) => Some(
            std::fs::read_to_string(path)
                .map_err(|e| ConfigError(format!("{}: {e}", path.display())))?,
        ),
        None => None,
    };
    let inline_comments = match text("inline-comments").map(String::as_str) {
        None => default.inline_comments,
        Some("all") => usize::MAX,
        Some(n) => n.parse().map_err(|_| {
            ConfigError(format!("--inline-comments is a number or `all`, not `{n}`"))
        })?,
    };
    Ok(Config {
        port: matches.get_one("port").copied().unwrap_or(0),
        context_path: text("context-path").cloned().unwrap_or_default(),
        base_url: text("base-url").cloned().unwrap_or_default(),
        projects,
        issues_per_project: optional("issues-per-project").unwrap_or(default.issues_per_project),
        seed: matches.get_one("seed").copied().unwrap_or(default.seed),
        record_size: count("size"),
        null_descriptions: matches
            .get_one("null-descriptions")
            .map_or(default.null_descriptions, part),
        files,
        inline_comments,
        max_page: optional("max-page").unwrap_or(default.max_page),
        window: matches.get_one("window").copied(),
        reset_above: optional("reset-above"),
        missing_keys: if matches.get_flag("compare-missing-keys") {
            MissingKeys::Compare
        } else {
            MissingKeys::Reject
        },
        auth: auth(matches)?,
        auth_ignored: matches.get_flag("auth-ignored"),
        captcha_after: optional("captcha-after"),
        deployment: if matches.get_flag("cloud") { Deployment::Cloud } else { Deployment::Server },
        robots,
        encodings: text("encoding").map_or(Ok(Encodings::default()), |e| e.parse())?,
        latency: time("latency"),
        limit_rps: matches.get_one("limit-rps").copied().filter(|rps| *rps > 0.0),
        redirect_to: text("redirect-to").cloned(),
        faults: FaultConfig {
            rate: matches.get_one("faults").map_or(0.0, part),
            rates: matches.get_many("fault").into_iter().flatten().copied().collect(),
            max_in_a_row: optional("max-faults-in-a-row").unwrap_or(3),
            retry_after: time("retry-after"),
            hang: time("hang"),
            drip: time("drip"),
            only: text("fault-only").cloned(),
        },
        workers: count("workers"),
        cache_bytes: default.cache_bytes,
    })
}

fn auth(matches: &ArgMatches) -> Result<Auth, ConfigError> {
    let pair = |name: &str| {
        matches.get_one::<String>(name).map(|text| {
            let parts = text
                .split_once(':')
                .ok_or_else(|| ConfigError(format!("--{name}: there is no `:` in it")))?;
            Ok((parts.0.to_owned(), parts.1.trim_start().to_owned()))
        })
    };
    if let Some(basic) = pair("basic") {
        return basic.map(|(user, password)| Auth::Basic { user, password });
    }
    if let Some(header) = pair("header") {
        return header.map(|(name, value)| Auth::Header { name, value });
    }
    Ok(matches
        .get_one::<String>("bearer")
        .map_or(Auth::None, |token| Auth::Bearer { token: token.clone() }))
}

/// A number from 0 to 1.
fn share(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err("a share is a number from 0 to 1".to_owned())
    }
}

/// `KIND=SHARE`.
fn rated(text: &str) -> Result<(Fault, f64), String> {
    let (kind, rate) = text.split_once('=').ok_or("write KIND=SHARE, for example 429=0.05")?;
    Ok((kind.parse().map_err(|e: ConfigError| e.to_string())?, share(rate)?))
}

/// `20ms`, `1s`, `1.5s`, `2m`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(char::is_alphabetic);
    let unit = match &text[digits.len()..] {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        other => return Err(format!("`{other}` is not a unit; write 20ms, 1.5s or 2m")),
    };
    let value: f64 = digits.parse().map_err(|_| format!("`{digits}` is not a number"))?;
    Duration::try_from_secs_f64(value * unit).map_err(|e| e.to_string())
}
