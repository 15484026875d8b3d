#!/bin/sh
# Installs the npm packages named, each with its version, for the whole machine, where they are missing and it is
# possible. Where it is not, this says so and goes on, as system_packages.sh does.
set -eu
without() {
    echo "not installed: $* (install with: sudo npm install -g $*)" >&2
    [ "${CI:-}" != true ] || exit 1
    exit 0
}

command -v npm >/dev/null || without "$@"
root=$(npm root -g)
for package in "$@"; do
    name=${package%@*} version=${package##*@}
    grep -qs "\"version\": \"$version\"" "$root/$name/package.json" && continue
    echo "installing $package"
    npm install -g --silent --no-fund --no-audit "$package" >/dev/null || without "$package"
done
