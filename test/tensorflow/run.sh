#!/usr/bin/env bash
# The trainer's tests on the `tensorflow` backend, in a copy that is thrown away: kernels against onnxruntime, gradients,
# whole models, 50 steps against PyTorch, training end to end. About a minute.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$here/install.sh" "$folder"
cd "$folder"
export DRIFTLINE_TEST_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=2
npx vitest run training/kernels training/program.test.ts training/parallel/parity.test.ts training/backends/tensorflow.test.ts
