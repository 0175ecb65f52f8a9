#!/bin/sh
# Builds the image as a release does: the same commit, base and BuildKit give the same bytes, and so the same digest.
#   docker/build.sh                                  the local image, and its digest
#   docker/build.sh --output type=oci,dest=image.tar,rewrite-timestamp=true
# Whatever is said goes to `docker buildx build`. Variables:
#   EGRESS_PROXY_IMAGE  name and tag (mcp-egress-proxy)
#   BASE_IMAGE          name@sha256:... of the base; a release names it by digest
#   SOURCE_DATE_EPOCH   seconds; the time of the commit
#   APT_SNAPSHOT        a Debian archive as it was at that time, for what the build takes from it
set -eu
cd "$(dirname "$0")/.."

image=${EGRESS_PROXY_IMAGE:-mcp-egress-proxy}
base=${BASE_IMAGE:-$(sed -n 's/^ARG BASE_IMAGE=\(.*\)/\1/p' docker/Dockerfile | head -1)}
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
revision=${REVISION:-$(git rev-parse HEAD)}
[ -n "${REVISION:-}" ] || git diff --quiet HEAD -- || revision=$revision-modified
created=$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u -r "$epoch" +%Y-%m-%dT%H:%M:%SZ)
field() { sed -n "s|^ *\"$1\": \"\(.*\)\",\{0,1\}$|\1|p" package.json | head -1; }
source=$(field homepage | sed 's/#.*//')

# A digest in the name; what the registry said when it was pulled; for a base that was made here, that of its configuration.
case $base in
*@sha256:*) digest=${base#*@} ;;
*)
  digest=$(docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$base" 2>/dev/null | sed -n 's/.*@//p' | head -1)
  [ -n "$digest" ] || digest=$(docker image inspect --format '{{.Id}}' "$base" 2>/dev/null || echo unknown)
  ;;
esac

[ $# -gt 0 ] || set -- --load
# What is pushed by its digest has no tag yet.
case $* in *push-by-digest=*) ;; *) set -- --tag "$image" "$@" ;; esac
SOURCE_DATE_EPOCH=$epoch exec docker buildx build --file docker/Dockerfile --network "${EGRESS_BUILD_NETWORK:-default}" \
  --build-arg "BASE_IMAGE=$base" --build-arg "BASE_DIGEST=$digest" --build-arg "SOURCE_DATE_EPOCH=$epoch" \
  --build-arg "IMAGE=$image" --build-arg "VERSION=$(field version)" --build-arg "REVISION=$revision" \
  --build-arg "CREATED=$created" --build-arg "SOURCE=$source" --build-arg "APT_SNAPSHOT=${APT_SNAPSHOT:-}" "$@" .
