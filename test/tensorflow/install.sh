#!/usr/bin/env bash
# Makes a copy of this checkout in which the `tensorflow` backend works: test/tensorflow/install.sh <folder>
#
# tfjs-node's own install script downloads libtensorflow and a compiled addon from a bucket that is no package registry.
# TensorFlow's wheel on PyPI carries the same C library, as a file that needs no Python, and its headers; the addon's
# sources are in tfjs-node's package. Needs Linux on x64, npm, pip, unzip, g++, Node's headers, and 2 GB of disk.
set -euo pipefail
folder=$1
here=$(cd "$(dirname "$0")/../.." && pwd)
tensorflow=2.15.0 # tfjs-node 4.22 was made for 2.9.1, whose wheel has the C library only as a part of Python's module
headers=${NODE_HEADERS:-$(dirname "$(dirname "$(realpath "$(command -v node)")")")/include/node}
[ -f "$headers/node_api.h" ] || { echo "no Node headers in $headers: set NODE_HEADERS" >&2; exit 1; }

mkdir -p "$folder"
(cd "$here" && git -c safe.directory='*' ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$folder")
cp -a "$here/node_modules" "$folder/"
cd "$folder"
npm install --no-save --ignore-scripts --no-audit --no-fund @tensorflow/tfjs-node@4.22.0 >&2

python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.11 --platform manylinux2014_x86_64 \
  --dest wheel "tensorflow-cpu==$tensorflow" >&2
package=node_modules/@tensorflow/tfjs-node
mkdir -p "$package/deps/lib" "$package/lib/napi-v8"
unzip -q -o wheel/*.whl 'tensorflow/libtensorflow*' 'tensorflow/include/tensorflow/c/*' \
  'tensorflow/include/tensorflow/core/platform/*' 'tensorflow/include/tsl/*' -d wheel
rm wheel/*.whl
mv wheel/tensorflow/libtensorflow* "$package/deps/lib/"
cd "$package"
g++ -shared -fPIC -O2 -std=c++17 -w -DNAPI_VERSION=8 -I"$headers" -I"$folder/wheel/tensorflow/include" -I. \
  -o lib/napi-v8/tfjs_binding.node binding/tfjs_backend.cc binding/tfjs_binding.cc \
  -Wl,-rpath,'$ORIGIN/../../deps/lib' -Ldeps/lib -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2
