#!/usr/bin/env bash
# Peak memory (resident set) of collecting and building in one go, and of building alone,
# by the number of issues, without and with a field of 5 MB in every hundredth issue; and
# what the program itself reckoned (`peak_body_bytes` and `peak_batch_bytes` of
# `stats.json`). Needs GNU time.
#
#   benches/memory.sh [BYTES_PER_ISSUE] [CONCURRENCY] [ISSUES…]
#
# Without numbers: 2000 and 50000 issues of 17000 bytes at 8 requests at a time. Each
# output is removed before the next is made. At most 30 KB of disk an issue are needed:
#
#   benches/memory.sh 17000 8 500000        # 16 GB below TMPDIR
#
# takes five minutes without and more than half an hour with fields of 5 MB, for which all
# outputs are compressed (`compressed.yaml`): plain, they take 26 MB for each of them.
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
# A number of `stats.json`, in MiB.
reckoned() { awk -F '[:,]' -v "name=\"$1\"" '$1 ~ name { printf "%.1f MiB", $2 / 1048576 }' "$scratch/out/stats.json"; }

for issues in "${counts[@]}"; do
  for huge in 0 0.01; do
    spec=specs/apache-jira.yaml
    [ "$huge" = 0 ] || spec=benches/compressed.yaml
    target/release/jira-standin --port 0 --projects KAFKA --issues-per-project "$issues" \
      --size "$size" --inline-comments all --fault "huge-field=$huge" > "$scratch/listening" &
    server=$!
    until grep -q http "$scratch/listening"; do sleep 0.1; done
    url=$(grep -o 'http://[^ ]*' "$scratch/listening")
    peak target/release/scrape run "$spec" --quiet --set "base_url=$url" \
      --set daily_budget=1000000000 -p KAFKA -r 0 -c "$concurrency" -o "$scratch/out"
    run=$(told) bodies=$(reckoned peak_body_bytes)
    kill "$server"
    server=
    peak target/release/scrape build "$spec" --quiet -o "$scratch/out"
    printf '%7d issues of %d bytes, 5 MB in %3s %%: run %s (bodies %s), build alone %s (batches %s)\n' \
      "$issues" "$size" "$(awk -v h="$huge" 'BEGIN { print 100 * h }')" \
      "$run" "$bodies" "$(told)" "$(reckoned peak_batch_bytes)"
    rm -rf "$scratch/out"
  done
done
