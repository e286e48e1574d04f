#!/usr/bin/env python3
"""How much memory a hostile server can make `scrape` take.

    cargo build --release && python3 benches/hostile.py

Each row is a run against a server on loopback that always answers in one way, at
`max_body: 64MiB` (the default) and five requests in flight.
"""

import gzip
import multiprocessing
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time

SCRAPE = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "target/release/scrape")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"

SPEC = """version: 1
name: hostile
http:
  base_url: "URL"
  concurrency: 5
  robots: ignore
  retry: { max_attempts: 2, backoff: { initial: 1ms } }
streams:
  items:
    for_each: { part: [1, 2, 3, 4, 5] }
    request: { path: "/items/{{ part }}" }
    pagination: { type: PAGES }
    records: "$.items[*]"
    primary_key: $.id
    map: { key: { path: $.id, required: true }, name: $.name, all: "$.list[*]" }
sinks:
  items: { type: jsonl, from: records, path: items.jsonl }
  raw: { type: jsonl, from: raw, path: raw.jsonl }
"""


def whole(body, headers=b""):
    return lambda _, s: s.sendall(HEAD + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def endless(begin, piece):
    def answer(_, s):
        s.sendall(begin)
        while True:
            s.sendall(piece)

    return answer


def large_records(target, s):
    """Fifty records of 40 MB to a part, that pack to nothing."""
    page = int(target.rsplit(b"=", 1)[1]) if b"=" in target else 1
    part = target.split(b"/")[2].split(b"?")[0]
    item = b'{"items":[{"id":"%s-%d","name":"%s"}]}' % (part, page, b"x" * 40_000_000)
    whole(item if page <= 10 else b'{"items":[]}')(target, s)


def list_of(item, times):
    return b"[" + b",".join([item] * times) + b"]"


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
ROWS = [
    ("a good reply", lambda: whole(b'{"items":[{"id":1}]}'), "none"),
    ("a body without end", lambda: endless(CHUNKED, b"10000\r\n" + b" " * 65536 + b"\r\n"), "none"),
    ("headers without end", lambda: endless(HEAD, b"X-More: " + b"x" * 1000 + b"\r\n"), "none"),
    ("a gzip bomb, 1 MB to 1 GB", lambda: whole(gzip.compress(bytes(1 << 30)), b"Content-Encoding: gzip\r\n"), "none"),
    ("20 million empty records", lambda: whole(b'{"items":' + list_of(b"{}", 20_000_000) + b"}"), "none"),
    ("30 million values around", lambda: whole(b'{"items":[],"x":' + list_of(b"0", 30_000_000) + b"}"), "none"),
    ("30 million values in a record", lambda: whole(b'{"items":[{"id":1,"list":' + list_of(b"0", 30_000_000) + b"}]}"), "none"),
    ("2 million values in a record", lambda: whole(b'{"items":[{"id":1,"list":' + list_of(b"0", 1_900_000) + b"}]}"), "none"),
    ("60 million brackets", lambda: whole(b'{"items":[],"x":' + b"[" * 60_000_000), "none"),
    ("an error of 30 million values", lambda: whole(b'{"message":"no","x":' + list_of(b"0", 30_000_000) + b"}"), "none"),
    ("50 records of 40 MB that pack to nothing", lambda: large_records, "page, page_param: page, limit: 1, limit_param: n"),
]


def serve(listener, made):
    answer = made()

    def one(s):
        with s:
            try:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += s.recv(65536) or b"\r\n\r\n"
                answer(head.split(b" ")[1], s)
            except OSError:
                pass

    while True:
        try:
            s, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=one, args=(s,), daemon=True).start()


print(f"{'the server sends':44} {'peak RSS':>10} {'time':>8}  exit")
for name, made, pages in ROWS:
    listener = socket.create_server(("127.0.0.1", 0))
    # In a process of its own: what this one takes would be counted with its child's.
    server = multiprocessing.Process(target=serve, args=(listener, made), daemon=True)
    server.start()
    with tempfile.TemporaryDirectory() as folder:
        url = "http://127.0.0.1:%d" % listener.getsockname()[1]
        pathlib.Path(folder, "spec.yaml").write_text(SPEC.replace("URL", url).replace("PAGES", pages))
        begun = time.monotonic()
        run = subprocess.Popen(
            [SCRAPE, "run", "spec.yaml", "-r", "0", "-q", "-o", "out"],
            cwd=folder,
            env={**os.environ, "SCRAPE_STATE_DIR": folder + "/state"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(run.pid, 0)
        took = time.monotonic() - begun
    server.kill()
    listener.close()
    code = os.waitstatus_to_exitcode(status)
    print(f"{name:44} {usage.ru_maxrss / 1024:7.0f} MiB {took:6.1f} s  {code}", flush=True)
