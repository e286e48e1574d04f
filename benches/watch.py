#!/usr/bin/env python3
"""How long `scrape build --watch` takes from a save until the outputs are replaced,
where only a template changed, beside a plain build of the same records. Needs Python
3.9, nothing else.

    cargo build --release -p scrape -p scrape-standin
    benches/watch.py [--issues 10000] [--size 17000] [--saves 5]

Prints a line for each save, and one at the end: medians, and the greatest amount of
memory that the watch held. Ends with 1 when the outputs differ from those of a plain
build.
"""
import argparse
import hashlib
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "target/release/scrape"
STANDIN = ROOT / "target/release/jira-standin"


def digests(out):
    files = sorted(p for p in out.rglob("*.jsonl*") if p.is_file())
    return {str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def collected(scratch, options):
    """A copy of the specs and templates, and a run of that many issues in `out`."""
    for folder in ["specs", "templates"]:
        shutil.copytree(ROOT / folder, scratch / folder)
    serve = [STANDIN, "--port", "0", "--projects", "KAFKA", "--issues-per-project",
             str(options.issues), "--size", str(options.size), "--inline-comments", "all"]
    server = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True)
    try:
        url = next(word for word in server.stdout.readline().split() if word.startswith("http"))
        scrape = [PROGRAM, "run", "specs/apache-jira.yaml", "-q", "--set", f"base_url={url}",
                  "-p", "KAFKA", "-r", "0", "-c", "8", "-o", "out"]
        subprocess.run(scrape, cwd=scratch, check=True, capture_output=True)
    finally:
        server.kill()
        server.wait()


def until(watch, event):
    for line in watch.stderr:
        line = json.loads(line)
        if line.get("event") == event:
            return line
    raise SystemExit(f"the watch ended before `{event}`")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--issues", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=17_000)
    parser.add_argument("--saves", type=int, default=5)
    options = parser.parse_args()
    scratch = pathlib.Path(tempfile.mkdtemp())
    os.environ["SCRAPE_STATE_DIR"] = str(scratch / "state")
    try:
        collected(scratch, options)
        build = [PROGRAM, "build", "specs/apache-jira.yaml", "-o", "out"]

        def plain():
            began = time.monotonic()
            subprocess.run([*build, "-q"], cwd=scratch, check=True, capture_output=True)
            return time.monotonic() - began

        builds = [plain() for _ in range(3)]
        watch = subprocess.Popen([*build, "--watch", "--log-format", "json"], cwd=scratch,
                                 stderr=subprocess.PIPE, text=True)
        until(watch, "watching")
        template = scratch / "templates/summarization.yaml"
        text = template.read_text()
        saves = []
        for n in range(options.saves):
            mark = scratch / "out/tasks/summarization.jsonl"
            before = mark.stat().st_ino
            began = time.monotonic()
            template.write_text(text.replace("one line.", f"one line, {n}."))
            while mark.stat().st_ino == before:
                time.sleep(0.001)
            replaced = time.monotonic() - began
            told = until(watch, "rebuilt")
            saves.append(time.monotonic() - began)
            changed = told["changed"][0]
            print(f"save {n + 1}: {replaced:.2f} s until the outputs are replaced, {saves[-1]:.2f} s "
                  f"until it is told; {changed['changed']} of {changed['records']} examples changed")
        status = pathlib.Path(f"/proc/{watch.pid}/status")
        peak = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        watch.send_signal(signal.SIGINT)
        watch.wait()
        watched = digests(scratch / "out")
        plain()
        same = watched == digests(scratch / "out")
        print(f"{options.issues} issues: a save {statistics.median(saves):.2f} s, a build "
              f"{statistics.median(builds):.2f} s; peak memory {int(peak[0]) // 1024} MiB; "
              f"outputs {'the same' if same else 'DIFFER'}")
        return 0 if same else 1
    finally:
        shutil.rmtree(scratch)


if __name__ == "__main__":
    raise SystemExit(main())
