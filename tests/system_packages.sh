#!/bin/sh
# Installs the Debian packages named, where they are missing and it is possible. Where it is not, this says so and goes
# on: the tests that need them are skipped, and say so. With CI=true it is an error.
set -eu
missing=
for package in "$@"; do
    dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

without() {
    echo "not installed:$missing ($1; install with: sudo apt-get install$missing)" >&2
    [ "${CI:-}" != true ] || exit 1
    exit 0
}

command -v apt-get >/dev/null || without "there is no apt-get"
[ "$(id -u)" = 0 ] || without "only root may"
echo "installing$missing"
# The tests start what they need; the packages' own services stay off.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod +x "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq || without "apt-get update failed"
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >/dev/null || without "apt-get install failed"
