#!/usr/bin/env bash
# The whole check of a checkout. Quick lane: ./test.sh. Everything: CI=true ./test.sh. The last line is "N passed, N failed".
# Environment: BATTLAB_SHARED = folder of the real files (default ../shared). Reports go to TestResults/.
set -euo pipefail
cd "$(dirname "$0")"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
started=$SECONDS

# Servers that the tests start for themselves on loopback. On a laptop without root what is missing is a visible skip.
packages=()
[ -x /usr/lib/postgresql/15/bin/initdb ] || packages+=(postgresql-15)
[ -x /usr/sbin/mosquitto ] || packages+=(mosquitto)
[ -x /usr/bin/chromium ] || packages+=(chromium)
[ -x /usr/bin/influxd ] || packages+=(influxdb)
[ -x /usr/bin/victoria-metrics ] || packages+=(victoria-metrics)
if [ ${#packages[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "== installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  # Keep the packages from starting servers of their own: the tests start and stop theirs.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then printf '#!/bin/sh\nexit 101\n' > $policy; chmod +x $policy; trap 'rm -f /usr/sbin/policy-rc.d' EXIT; fi
  apt-get update -qq >/dev/null
  apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi

echo "== restore"; dotnet restore -v q $([ "${CI:-}" = true ] && echo --locked-mode)
echo "== build"; dotnet build --no-restore -v q -nologo
echo "== format"; dotnet format whitespace --no-restore --verify-no-changes

passed=0; failed=0; skipped=0
run_suite() {
  local name=$1; shift
  local report="TestResults/$name.txt" code=0 begun=$SECONDS
  echo "== $name"
  mkdir -p TestResults
  dotnet run --no-build --project "tests/BattKomp.Lab.$name" -- "$@" 2>&1 | sed 's/\x1b\[[0-9;]*m//g' | tee "$report" || code=$?
  local total errors fails skips idle
  read -r total errors fails skips idle < <(sed -nE 's/.*Total: ([0-9]+), Errors: ([0-9]+), Failed: ([0-9]+), Skipped: ([0-9]+), Not Run: ([0-9]+).*/\1 \2 \3 \4 \5/p' "$report" | tail -n 1) || true
  if [ -z "${total:-}" ]; then echo "$name ended without a summary (exit $code)"; failed=$((failed + 1)); return; fi
  fails=$((fails + errors))
  if [ "$code" != 0 ] && [ "$fails" = 0 ]; then fails=1; fi
  # "Not run" are entry points for child processes of other tests, started by those: neither passed nor skipped.
  passed=$((passed + total - fails - skips - idle)); failed=$((failed + fails)); skipped=$((skipped + skips))
  echo "== $name took $((SECONDS - begun)) s"
}

lane=(-trait- "lane=full")
[ "${CI:-}" = true ] && lane=()
run_suite Tests "${lane[@]}"
run_suite BrowserTests "${lane[@]}"

echo "== all took $((SECONDS - started)) s, $skipped skipped"
if [ "${CI:-}" = true ] && [ "$skipped" != 0 ]; then
  echo "a skipped test is a failed check when CI=true"; failed=$((failed + skipped))
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
