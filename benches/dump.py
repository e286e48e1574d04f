#!/usr/bin/env python3
"""The least that a Python scraper does, for comparison: every page with
`requests`, its JSON parsed, one line per issue written.

    benches/dump.py BASE_URL PROJECT FILE
"""

import json
import sys

import requests

base_url, project, file = sys.argv[1:]
session = requests.Session()
start, total = 0, 1
with open(file, "w", encoding="utf-8") as out:
    while start < total:
        reply = session.get(
            f"{base_url}/rest/api/2/search",
            params={
                "jql": f"project = {project} ORDER BY key ASC",
                "fields": "*all",
                "startAt": start,
                "maxResults": 100,
            },
            timeout=120,
        )
        reply.raise_for_status()
        page = reply.json()
        for issue in page["issues"]:
            out.write(json.dumps(issue) + "\n")
        start, total = start + len(page["issues"]), page["total"]
