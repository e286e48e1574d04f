#!/usr/bin/env bash
# The main job beside a plain download of the same pages, from one stand-in server
# on loopback: wall and CPU seconds of each, as ratios. Needs curl.
#
#   benches/side_by_side.sh [ISSUES] [BYTES_PER_ISSUE] [CONCURRENCY]
set -euo pipefail
cd "$(dirname "$0")/.."
issues=${1:-5000} size=${2:-17000} concurrency=${3:-8}

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
collect() {
  rm -rf "$scratch/out"
  target/release/scrape run specs/apache-jira.yaml --quiet --set "base_url=$url" \
    -p KAFKA -r 0 -c "$concurrency" -o "$scratch/out" 2> "$scratch/said"
}
build() {
  target/release/scrape build specs/apache-jira.yaml --quiet -o "$scratch/out" 2> "$scratch/said"
}
measure() { { time "$1" > /dev/null; } 2>&1 | tail -1; }

download # the server generates each record once
for _ in 1 2 3; do
  read -r dw du ds <<< "$(measure download)"
  read -r cw cu cs <<< "$(measure collect)"
  read -r bw bu bs <<< "$(measure build)"
  awk -v n="$issues" -v dw="$dw" -v dc="$du" -v ds="$ds" -v cw="$cw" -v cc="$cu" -v cs="$cs" -v bw="$bw" -v bc="$bu" -v bs="$bs" 'BEGIN {
    dc += ds; cc += cs; bc += bs
    printf "download %.2f s wall, %.2f s CPU | run %.2f s, %.2f s (x%.2f, x%.2f) | build alone %.2f s, %.2f s | %.0f issues/s, %.3f ms CPU an issue\n",
      dw, dc, cw, cc, cw / dw, cc / dc, bw, bc, n / cw, 1000 * cc / n
  }'
done
