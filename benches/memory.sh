#!/usr/bin/env bash
# Peak memory (resident set) of collecting and of building, by the number of issues,
# without and with a field of 5 MB in every hundredth issue. Needs GNU time.
#
#   benches/memory.sh [BYTES_PER_ISSUE] [CONCURRENCY] [ISSUES…]
set -euo pipefail
cd "$(dirname "$0")/.."
size=${1:-17000} concurrency=${2:-8}
shift $(($# < 2 ? $# : 2))
counts=("$@")
((${#counts[@]})) || counts=(2000 50000)

cargo build --release --locked -q -p scrape -p scrape-standin
scratch=$(mktemp -d)
export SCRAPE_STATE_DIR="$scratch/state"
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$scratch"' EXIT

# The peak of a command in MiB, and its seconds.
peak() { /usr/bin/time -f '%M %e' -o "$scratch/peak" "$@" 2> "$scratch/said" > "$scratch/printed"; }
told() { awk '{ printf "%6.1f MiB in %7.1f s", $1 / 1024, $2 }' "$scratch/peak"; }

for issues in "${counts[@]}"; do
  for huge in 0 0.01; do
    target/release/jira-standin --port 0 --projects KAFKA --issues-per-project "$issues" \
      --size "$size" --inline-comments all --fault "huge-field=$huge" > "$scratch/listening" &
    server=$!
    until grep -q http "$scratch/listening"; do sleep 0.1; done
    url=$(grep -o 'http://[^ ]*' "$scratch/listening")
    rm -rf "$scratch/out"
    peak target/release/scrape run specs/apache-jira.yaml --quiet --set "base_url=$url" \
      --set daily_budget=1000000000 -p KAFKA -r 0 -c "$concurrency" -o "$scratch/out"
    run=$(told)
    peak target/release/scrape build specs/apache-jira.yaml --quiet -o "$scratch/out"
    printf '%7d issues of %d bytes, 5 MB in %3s %%: run %s, build alone %s\n' \
      "$issues" "$size" "$(awk -v h="$huge" 'BEGIN { print 100 * h }')" "$run" "$(told)"
    kill "$server"
    server=
  done
done
