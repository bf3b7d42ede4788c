#!/usr/bin/env bash
# Builds the S3 server that `npm run test:s3` talks to: Versity's gateway over a folder, from source, at a fixed version.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=v1.8.0
folder="$PWD/node_modules/.cache/versitygw-$version"
[ -x "$folder/versitygw" ] && exit 0

if ! command -v go >/dev/null; then
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends golang-go >/dev/null
fi
GOBIN="$folder" GOFLAGS=-trimpath CGO_ENABLED=0 go install -ldflags='-s -w' "github.com/versity/versitygw/cmd/versitygw@$version" 2> >(grep -v '^go: downloading' >&2)
"$folder/versitygw" --version
