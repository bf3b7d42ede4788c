#!/usr/bin/env bash
# The trainer on the `tensorflow` backend, in a copy that is thrown away: kernels against onnxruntime and central differences,
# whole models, 50 steps against PyTorch. The rest of the trainer's tests pass on it too, and are left out for the time they take.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$here/install.sh" "$folder"
cd "$folder"
export DRIFTLINE_TEST_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=2
npx vitest run --config test/tensorflow/vitest.config.ts
