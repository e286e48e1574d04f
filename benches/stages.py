#!/usr/bin/env python3
"""What each stage of the main job costs, in instructions: the same on a busy machine
as on a quiet one. Runs the program under valgrind's callgrind against a stand-in
server on loopback. Needs Python 3.9 and valgrind.

    cargo build --release -p scrape -p scrape-standin
    benches/stages.py [--issues 1000] [--size 17000] [--program target/release/scrape]

Prints thousands of instructions an issue and the share of each stage. Memory that a
stage asks for counts as its own; what stands in no stage is the last line.
"""
import argparse
import os
import pathlib
import re
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Stage, the function that is it (the first of these that was not inlined away), and
# that within it which is a stage of its own.
PACK = ["store::body::Body::pack", "store::body::Compressor::pack", "CCtx::compress2"]
UNPACK = ["store::body::Body::unpack", "bulk::decompressor::Decompressor::decompress"]
STAGES = [
    ("decode gzip", ["fetch_http::gzip::whole", "libdeflater::Decompressor::gzip_decompress"], []),
    ("split reply", ["collect::envelope::open"], []),
    ("read keys of records", ["collect::record::Reader::page"], PACK),
    ("compress for store", PACK, []),
    ("write store", ["store::sqlite::SqliteStore::change", "SqliteStore as scrape::store::Store>::commit_page"], []),
    ("read store", ["store::sqlite::reader::records_of", "SqliteReader as scrape::store::Reader>::records", "rusqlite::row::Rows::next"], []),
    ("decompress from store", UNPACK, []),
    ("project", ["build::projection::Shape::project_known", "build::projection::Shape::project_with"], []),
    ("map", ["build::map::Mapping::fields"], ["build::transform::apply"]),
    ("markup and text", ["build::transform::apply"], []),
    ("tasks", ["build::tasks::make"], ["build::leak::leak"]),
    ("leak check", ["build::leak::leak"], []),
    ("training row", ["build::rows::rendered"], []),
    ("minify for archive", ["build::minify::minify"], []),
    ("archive and write", ["build::outlets::drive", "JsonLines as scrape_api::sink::Sink>::write"], []),
]


def inclusive(profile):
    """Instructions of each function with all that it calls, and those of the program."""
    printed = subprocess.run(
        ["callgrind_annotate", "--inclusive=yes", "--threshold=100", "--auto=no", profile],
        capture_output=True, text=True, check=True).stdout
    found, total = {}, 0
    for line in printed.splitlines():
        match = re.match(r"\s*([\d,]+) \([^)]*\)\s+(.*)", line)
        if not match:
            continue
        count = int(match[1].replace(",", ""))
        if "PROGRAM TOTALS" in match[2]:
            total = count
            continue
        name = re.sub(r" \[[^]]*\]$", "", match[2]).split(":", 1)[-1]
        # A function that calls itself is listed once for each depth.
        if "'" not in name:
            found[name] = max(found.get(name, 0), count)
    return found, total


def cost(found, names):
    costs = (max((n for f, n in found.items() if f.endswith(name)), default=0) for name in names)
    return next((cost for cost in costs if cost), 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--issues", type=int, default=1000)
    parser.add_argument("--size", type=int, default=17000)
    parser.add_argument("--program", default=ROOT / "target/release/scrape")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        server = subprocess.Popen(
            [ROOT / "target/release/jira-standin", "--port", "0", "--projects", "KAFKA",
             "--issues-per-project", str(options.issues), "--size", str(options.size),
             "--inline-comments", "all"], stdout=subprocess.PIPE, text=True)
        try:
            url = next(w for w in server.stdout.readline().split() if w.startswith("http"))
            profile = f"{scratch}/profile"
            subprocess.run(
                ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={profile}",
                 options.program, "run", ROOT / "specs/apache-jira.yaml", "--quiet",
                 "--set", f"base_url={url}", "--set", "read_timeout=10m", "-p", "KAFKA",
                 "-r", "0", "-c", "2", "-o", f"{scratch}/out"],
                env={**os.environ, "SCRAPE_STATE_DIR": f"{scratch}/state"}, check=True,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        finally:
            server.terminate()
            server.wait()
        found, total = inclusive(profile)
    left = total
    for stage, names, within in STAGES:
        own = cost(found, names) - cost(found, within)
        left -= own
        print(f"{stage:<24} {own / options.issues / 1000:7.0f} k {100 * own / total:5.1f} %")
    print(f"{'the rest':<24} {left / options.issues / 1000:7.0f} k {100 * left / total:5.1f} %")
    print(f"{'all':<24} {total / options.issues / 1000:7.0f} k")


if __name__ == "__main__":
    main()
