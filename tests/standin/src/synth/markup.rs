//! Text in Jira's wiki markup: everything that descriptions and comments contain.

use std::fmt::Write;

use fastrand::Rng;

use crate::random::Dice;

use super::prose::{fill, sentences};
use super::words;

/// What a text may refer to.
pub(super) struct Context<'a> {
    pub(super) project: &'a str,
    /// A number that an issue of the project has.
    pub(super) other: u32,
    /// Login names.
    pub(super) names: &'a [String],
}

/// A text of about `target` characters. `CRLF` line ends in 43 of 100, as measured.
pub(super) fn text(rng: &mut Rng, context: &Context<'_>, target: usize) -> String {
    let mut out = String::with_capacity(target + 256);
    let count = rng.usize(1..4);
    sentences(rng, if target < 120 { 1 } else { count }, &mut out);
    while out.len() < target {
        out.push_str("\n\n");
        if rng.chance(0.55) {
            let count = rng.usize(1..6);
            sentences(rng, count, &mut out);
            if rng.chance(0.3) {
                out.push(' ');
                inline(rng, context, &mut out);
            }
        } else {
            block(rng, context, &mut out);
        }
    }
    if rng.chance(0.17) {
        out = out.replacen(' ', "\u{a0}", 2);
    }
    if rng.chance(0.001) {
        out.push('\u{200b}');
    }
    if rng.chance(0.43) { out.replace('\n', "\r\n") } else { out }
}

fn inline(rng: &mut Rng, context: &Context<'_>, out: &mut String) {
    let name = &context.names[rng.usize(..context.names.len())];
    let (project, other) = (context.project, context.other);
    _ = match rng.u32(..11) {
        0 | 1 => write!(out, "[~{name}], what do you think?"),
        2 => write!(out, "See [the notes|https://lanternfish.example.org/notes/{other}?v=1_2_3]."),
        3 => write!(
            out,
            "More at https://lanternfish.example.org/a/x_y_z/{other} and in {project}-{other}."
        ),
        4 => write!(out, "This duplicates {project}-{other}, doesn't it?"),
        5 => write!(out, "{{color:#172b4d}}Only a colour.{{color}}"),
        6 => write!(out, "[^{}] has the whole log.", rng.pick(&words::FILES)),
        7 => write!(out, "[docs](https://lanternfish.example.org/md/{other}) written as Markdown."),
        8 => {
            write!(out, "-This no longer holds.- +This does.+ ??Said elsewhere??, x^2^ and H~2~O.")
        }
        9 => write!(
            out,
            "array[{}] and List<String>[] are no links, nor is [1]. (i) first, (ii) second (/)",
            other % 9
        ),
        _ => write!(
            out,
            "Mail {name}@example.org about ${{lantern.home}} and {{{{{{}}x{{}}}}}}; 2*3*4, a-b-c -- done."
        ),
    };
}

fn block(rng: &mut Rng, context: &Context<'_>, out: &mut String) {
    match rng.u32(..17) {
        0..=2 => code(rng, out),
        3 | 4 => {
            out.push_str("{noformat}\n");
            log_lines(rng, out);
            out.push_str("{noformat}");
        }
        5 | 6 => stack_trace(rng, out),
        7 => {
            out.push_str("{quote}\n");
            sentences(rng, 2, out);
            out.push_str("\n{quote}\n");
            sentences(rng, 1, out);
        }
        8 => {
            out.push_str("bq. ");
            sentences(rng, 1, out);
            out.push('\n');
            sentences(rng, 1, out);
        }
        9..=11 => list(rng, out),
        12 => table(rng, out),
        13 | 14 => {
            _ = write!(out, "h{}. ", rng.u32(1..5));
            fill(rng, "%N and %n", out);
            out.push('\n');
            sentences(rng, 2, out);
        }
        15 => {
            out.push_str("{panel:title=Note|borderStyle=solid}\n");
            sentences(rng, 1, out);
            out.push_str("\n{panel}\n----\n!screenshot-1.png|thumbnail!");
        }
        _ => {
            inline(rng, context, out);
            out.push_str("\n```\nlantern --version\n```");
        }
    }
}

fn code(rng: &mut Rng, out: &mut String) {
    out.push_str(rng.pick(&[
        "{code}",
        "{code:java}",
        "{code:title=TideStore.java|borderStyle=solid}",
        "{code:sql}",
    ]));
    out.push('\n');
    for _ in 0..rng.usize(2..9) {
        let line = rng.pick(&[
            "%c value = store.%m(\"%k\", %d);\n",
            "if (!%c.%m(%d)) { // %n\n    return null;\n}\n",
            "select * from %c where a[%d] = '%n' and b_c = ${%k};\n",
            "for (int i = 0; i < %d; i++) { total += *p++ - x[i]; }\n",
            "\t/* %n: {0} {code} */ String s = \"a|b\\t_c_\";\n",
            "%c<%c> list = new %c<>(); // *not* bold\n",
        ]);
        fill(rng, line.replace("{code}", "").as_str(), out);
    }
    out.push_str("{code}");
}

fn log_lines(rng: &mut Rng, out: &mut String) {
    for _ in 0..rng.usize(2..12) {
        _ = write!(
            out,
            "2019-0{}-1{} 0{}:17:2{},{:03} ",
            rng.u32(1..9),
            rng.u32(..9),
            rng.u32(..9),
            rng.u32(..9),
            rng.u32(..999)
        );
        let line = rng.pick(&[
            "INFO  [%m-%d] %c - %n %p (%d ms)\n",
            "WARN  [main] %c: %k=%d is *deprecated*\n",
            "ERROR [pool-%d] %c.%m failed for 10.0.%d.%d:80%d |x|\n",
        ]);
        fill(rng, line, out);
    }
}

fn stack_trace(rng: &mut Rng, out: &mut String) {
    let fenced = rng.chance(0.7);
    if fenced {
        out.push_str("{noformat:nopanel=true}\n");
    }
    fill(rng, "java.lang.IllegalStateException: %n %p [%d]\n", out);
    for _ in 0..rng.usize(3..14) {
        fill(rng, "\tat org.lanternfish.store.%c.%m(%c.java:%d)\n", out);
    }
    if rng.chance(0.4) {
        fill(rng, "Caused by: java.io.IOException: %n %p\n\t... %d more\n", out);
    }
    if fenced {
        out.push_str("{noformat}");
    }
}

fn list(rng: &mut Rng, out: &mut String) {
    let marker = rng.pick(&["*", "-", "#"]);
    for i in 0..rng.usize(2..7) {
        out.push_str(marker);
        if i > 0 && marker != "-" && rng.chance(0.3) {
            out.push_str(rng.pick(&["*", "#"]));
        }
        out.push(if rng.chance(0.05) { '\t' } else { ' ' });
        sentences(rng, 1, out);
        out.push('\n');
    }
}

fn table(rng: &mut Rng, out: &mut String) {
    out.push_str("||Setting||Before||After||\n");
    for _ in 0..rng.usize(1..6) {
        fill(rng, "|{{%k}}|%d ms|[%d|https://lanternfish.example.org/run/%d]|\n", out);
    }
}
