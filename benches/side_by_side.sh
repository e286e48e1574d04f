#!/usr/bin/env bash
# The main job beside the least that others do with the same pages, from one stand-in
# server on loopback: a plain download (curl), and a Python script that parses each
# page and writes its issues down (benches/dump.py). Wall and CPU seconds of each, in
# turn, and the ratios of their medians. Needs curl; with Python and its `requests`
# the second comparison too.
#
#   benches/side_by_side.sh [ISSUES] [BYTES_PER_ISSUE] [CONCURRENCY] [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/.."
issues=${1:-5000} size=${2:-17000} concurrency=${3:-8} rounds=${4:-5}

cargo build --release --locked -q -p scrape -p scrape-standin
scratch=$(mktemp -d)
export SCRAPE_STATE_DIR="$scratch/state"
target/release/jira-standin --port 0 --projects KAFKA --issues-per-project "$issues" \
  --size "$size" --inline-comments all > "$scratch/listening" &
server=$!
trap 'kill "$server"; rm -rf "$scratch"' EXIT
until grep -q http "$scratch/listening"; do sleep 0.1; done
url=$(grep -o 'http://[^ ]*' "$scratch/listening")

TIMEFORMAT='%R %U %S'
download() {
  local urls=() at
  for ((at = 0; at < issues; at += 100)); do
    urls+=("$url/rest/api/2/search?jql=project%3DKAFKA%20ORDER%20BY%20key&fields=*all&maxResults=100&startAt=$at" -o "$scratch/page$at")
  done
  curl -s --compressed "${urls[@]}"
}
dump() { python3 benches/dump.py "$url" KAFKA "$scratch/dump.jsonl"; }
run() {
  rm -rf "$scratch/out"
  target/release/scrape run specs/apache-jira.yaml --quiet --set "base_url=$url" \
    --set daily_budget=1000000000 -p KAFKA -r 0 -c "$concurrency" -o "$scratch/out" 2> "$scratch/said"
}
build() {
  target/release/scrape build specs/apache-jira.yaml --quiet -o "$scratch/out" 2> "$scratch/said"
}
jobs=(download run build)
if python3 -c 'import requests' 2> "$scratch/said"; then jobs+=(dump); fi

download # the server generates each record once
for ((round = 1; round <= rounds; round++)); do
  for job in "${jobs[@]}"; do
    { time "$job" > "$scratch/printed"; } 2>> "$scratch/$job.times"
    read -r wall user system <<< "$(tail -1 "$scratch/$job.times")"
    awk -v j="$job" -v w="$wall" -v u="$user" -v s="$system" \
      'BEGIN { printf "%-9s %6.2f s wall %6.2f s CPU\n", j, w, u + s }'
  done
done
# The median of a column of times: 1 for wall, 2 for CPU.
median() {
  awk -v c="$2" '{ print c == 1 ? $1 : $2 + $3 }' "$scratch/$1.times" | sort -n |
    awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}
echo
for job in "${jobs[@]}"; do
  awk -v j="$job" -v n="$issues" -v w="$(median "$job" 1)" -v c="$(median "$job" 2)" \
    -v rw="$(median run 1)" -v rc="$(median run 2)" 'BEGIN {
      printf "%-9s %6.2f s wall %6.2f s CPU %7.3f ms CPU an issue %6.0f issues/s", j, w, c, 1000 * c / n, n / w
      if (j == "download" || j == "dump") printf "   run beside it: x%.2f wall, x%.2f CPU", rw / w, rc / c
      print ""
    }'
done
