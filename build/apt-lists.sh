#!/bin/sh
# Package lists in the build of the image: those of now, or of an archive as it was at one time ($snapshot).
set -eu
if [ -n "${snapshot:-}" ]; then
  rm -f /etc/apt/sources.list.d/*
  echo "deb [check-valid-until=no] $snapshot bookworm main" >/etc/apt/sources.list
fi
apt-get update -qq
