#!/usr/bin/env bash
# Says how each suite ended, one line each as `s3: 27 passed, 0 failed, 1 skipped`, and last of all their sum, without a name.
# usage: recap.sh <folder> <suite>...   <folder>/<suite> is the output of a suite that began
set -euo pipefail
folder=$1
shift

# Of vitest's `Tests  1 failed | 26 passed | 2 skipped | 1 todo (30)` any part may be missing. A file whose set-up failed
# has only skipped tests, and an error outside a test is in none: neither may look like a suite without a failure.
counted() {
  awk '
    function number(of) { return match($0, "[0-9]+ " of) ? substr($0, RSTART) + 0 : 0 }
    /^ +Test Files +[0-9]/ { files = number("failed") }
    /^ +Tests +[0-9]/ { ended = 1; passed = number("passed"); failed = number("failed"); skipped = number("skipped") + number("todo") }
    /^ +Errors +[0-9]/ { errors = number("error") }
    END {
      if (!ended) exit 1
      printf "%d passed, %d failed", passed, (failed > files ? failed : files) + errors
      if (skipped) printf ", %d skipped", skipped
      printf "\n"
    }' "$1"
}

for suite; do
  output="$folder/$suite"
  if [ ! -e "$output" ]; then
    echo "$suite: was not reached"
  elif missing=$(grep '^not tested here' "$output"); then
    echo "$suite: $missing"
  else
    counted "$output" | sed "s/^/$suite: /" || echo "$suite: did not run to its end"
  fi
done | awk '
  { print }
  / passed, / { passed += $2; failed += $4; skipped += $6; next }
  !/not tested here/ { failed++ } # a run that broke off has no sum without a failure
  END {
    printf "%d passed, %d failed", passed, failed
    if (skipped) printf ", %d skipped", skipped
    printf "\n"
  }'
