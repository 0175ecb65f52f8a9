#!/bin/sh
# What a release attaches, beside what is made from the image: build/release-files.sh VERSION FOLDER. Needs `npm ci`. The same commit gives
# the same bytes.
#   mcp-egress-proxy-VERSION.tgz           the npm package
#   egress-proxy-install-VERSION.tar.gz    egress-proxy/ for a stack without a clone, and the lines for its .env
#   mcp-egress-proxy-chart-VERSION.tgz     the chart; needs helm
set -eu
cd "$(dirname "$0")/.."
version=$1
mkdir -p "$2"
out=$(cd "$2" && pwd)
[ "$(node -p 'require("./package.json").version')" = "$version" ] || { echo "package.json has another version than $version" >&2; exit 1; }
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

npm pack --silent --pack-destination "$out" >/dev/null

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/egress-proxy/config"
cp -r build/install/. "$folder/egress-proxy/"
cp build/policy.yaml "$folder/egress-proxy/config/policy.yaml"
cp build/install.env "$folder/egress-proxy/lines.env"
chmod -R u=rwX,go=rX "$folder"
tar --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --format=gnu -C "$folder" -c egress-proxy \
  | gzip -9n >"$out/egress-proxy-install-$version.tar.gz"

chart=$(git ls-files '*Chart.yaml' | grep -v ^test/ | head -1)
if [ -n "$chart" ]; then
  helm package "$(dirname "$chart")" --version "$version" --app-version "$version" --destination "$folder"
  mv "$folder"/*-"$version".tgz "$out/mcp-egress-proxy-chart-$version.tgz"
fi
