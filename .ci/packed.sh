#!/usr/bin/env bash
# The packed tarball, installed in an empty folder as a user would, must run the main job: ingest, score, verify, query.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$root"
tarball=$(npm pack --silent --pack-destination "$folder" | tail -1)
cd "$folder"
npm init -y >/dev/null
# Without our .npmrc, onnxruntime-node would fetch CUDA libraries from outside npm's registry.
ONNXRUNTIME_NODE_INSTALL=skip npm install --no-audit --no-fund "./$tarball"
for i in $(seq 1 500); do
  echo "{\"id\":\"p$i\",\"text\":\"what a lovely day number $i\",\"createdAt\":\"2026-01-01T00:00:00Z\",\"source\":\"ci\"}"
done >posts.jsonl
npx driftline ingest file posts.jsonl
npx driftline score --until-end
npx driftline verify
scored=$(npx driftline sql 'SELECT count() FROM scores' --format TSV)
[ "$scored" = 500 ] || { echo "expected 500 scored posts, got $scored"; exit 1; }
echo 'the packed tarball works'
