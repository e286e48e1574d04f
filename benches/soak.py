#!/usr/bin/env python3
"""A long run of the main job against the stand-in server, with faults on and kills
at random moments: every round is resumed until it is complete, and its outputs
must be those of an undisturbed run, byte for byte. Needs Python 3.9, nothing else.

    cargo build --release -p scrape -p scrape-standin
    benches/soak.py [--minutes 60] [--issues 1500] [--faults 0.1] [--seed 1]

Prints a line a round and a summary; ends with 1 when anything differs, or a request
came inside a Retry-After that its client had time to note: one that was killed between
the reply and its note cannot tell the next of it.
"""
import argparse
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "target/release/scrape"
STANDIN = ROOT / "target/release/jira-standin"
PROJECTS = ["KAFKA", "SPARK"]


def outputs(folder):
    """Digest of each file that guarantee 1 is about."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_dir() or name.startswith("store.db") or name.endswith(".lock"):
            continue
        data = path.read_bytes()
        if name == "stats.json":
            data = json.dumps(json.loads(data)["counts"], sort_keys=True).encode()
        found[name] = hashlib.sha256(data).hexdigest()
    return found


class Soak:
    def __init__(self, options, scratch):
        self.options, self.scratch = options, scratch
        self.random = random.Random(options.seed)
        self.kills = {"KILL": 0, "INT": 0, "TERM": 0}
        self.killed_ms = []
        self.starts = 0
        self.peak_kib = 0
        self.seconds_cpu = 0.0

    def serve(self):
        command = [STANDIN, "--port", "0", "--projects", ",".join(PROJECTS),
                   "--issues-per-project", str(self.options.issues), "--inline-comments", "4",
                   "--retry-after", "1s"]
        self.server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.server.stdout.readline()
        self.url = next(word for word in line.split() if word.startswith("http"))

    def control(self, what, body=None):
        data = None if body is None else json.dumps(body).encode()
        origin = self.url.rsplit("/", 1)[0]
        with urllib.request.urlopen(f"{origin}/_control/{what}", data) as reply:
            text = reply.read()
        return json.loads(text) if text.strip()[:1] in (b"{", b"[") else None

    def too_early(self):
        """Requests inside a Retry-After that no kill explains: how long after the reply
        that told of it each came."""
        found, told = [], 0
        for request in self.control("requests"):
            if request["inside_retry_after"]:
                if not any(told - 50 <= killed <= told + 250 for killed in self.killed_ms):
                    found.append(f"{request['unix_ms'] - told:.0f} ms")
            elif request["status"] in (429, 503):
                told = request["unix_ms"] + request["took_ms"]
        return found

    def start(self, out, concurrency, more):
        command = [PROGRAM, "run", ROOT / "specs/apache-jira.yaml", "--quiet", "-r", "0",
                   "-c", str(concurrency), "-o", out, "--set", f"base_url={self.url}",
                   "--set", "cooldown=1s", "--set", "daily_budget=1000000000", *more]
        for project in PROJECTS:
            command += ["-p", project]
        environment = {**os.environ, "SCRAPE_STATE_DIR": str(self.scratch / "state")}
        self.starts += 1
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)

    def wait(self, child):
        said = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        self.peak_kib = max(self.peak_kib, usage.ru_maxrss)
        self.seconds_cpu += usage.ru_utime + usage.ru_stime
        return child.returncode, said

    def round(self, out):
        """Runs, cut at random moments, until complete; how often it was cut."""
        concurrency = self.random.choice([1, 2, 4, 8])
        cuts, more = 0, []
        for _ in range(100):
            child = self.start(out, concurrency, more)
            if cuts < self.options.cuts and self.random.random() < 0.8:
                time.sleep(self.random.uniform(0.05, 3.0))
                if child.poll() is None:
                    name = self.random.choice(["KILL", "KILL", "INT", "TERM"])
                    child.send_signal(getattr(signal, f"SIG{name}"))
                    self.kills[name] += 1
                    if name == "KILL":
                        self.killed_ms.append(1000 * time.time())
                    cuts += 1
            code, said = self.wait(child)
            if code == 0:
                return concurrency, cuts
            if code not in (3, 130, -signal.SIGKILL):
                raise SystemExit(f"exit {code}:\n{said}")
            more = ["--resume"] if out.joinpath("store.db").exists() else []
        raise SystemExit("not complete after a hundred starts")

    def run(self):
        self.serve()
        try:
            reference = self.scratch / "calm"
            code, said = self.wait(self.start(reference, 4, []))
            assert code == 0, said
            wanted = outputs(reference)
            self.control("faults", {"rate": self.options.faults, "retry_after": 1, "hang_ms": 300})
            end, rounds, differences = time.time() + 60 * self.options.minutes, 0, 0
            while time.time() < end:
                out = self.scratch / "out"
                begun = time.time()
                concurrency, cuts = self.round(out)
                got = outputs(out)
                differing = [n for n in {*wanted, *got} if wanted.get(n) != got.get(n)]
                differences += bool(differing)
                rounds += 1
                print(f"round {rounds}: -c {concurrency}, cut {cuts} times, "
                      f"{time.time() - begun:.1f} s, {differing or 'same bytes'}", flush=True)
                shutil.rmtree(out)
            stats = self.control("stats")
            early = self.too_early()
            print(f"{rounds} rounds, {self.starts} starts, cut by {self.kills}; "
                  f"{stats['requests']} requests, {sum(stats['by_fault'].values())} faults, "
                  f"{stats['inside_retry_after']} inside a Retry-After (not after a kill: "
                  f"{', '.join(early) or 'none'}), at most "
                  f"{stats['max_in_flight']} in flight; peak memory {self.peak_kib / 1024:.0f} MiB, "
                  f"{self.seconds_cpu:.0f} s CPU; {differences} rounds differ")
            return 1 if differences or early else 0
        finally:
            self.server.terminate()
            self.server.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--issues", type=int, default=1500, help="of each of two projects")
    parser.add_argument("--faults", type=float, default=0.1, help="share of requests")
    parser.add_argument("--cuts", type=int, default=6, help="most cuts in a round")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        raise SystemExit(Soak(options, pathlib.Path(scratch)).run())


if __name__ == "__main__":
    main()
