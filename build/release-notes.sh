#!/bin/sh
# The part of CHANGELOG.md about one version: build/release-notes.sh 1.0.0. Ends with 1 if there is none.
set -eu
cd "$(dirname "$0")/.."
awk -v heading="## [$1] - " '
  index($0, "## [") == 1 { on = index($0, heading) == 1; if (on) { found = 1; next } }
  on
  END { exit !found }
' CHANGELOG.md
