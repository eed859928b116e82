#!/usr/bin/env bash
# consumer.sh CMAKE BUILD: installs BUILD into a temporary prefix, builds the consumer against it, runs it.
set -euo pipefail
cmake=$1
build=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$cmake" --install "$build" --prefix "$folder/prefix" >/dev/null
"$cmake" -G Ninja -S "$(dirname "$0")/consumer" -B "$folder/build" -DCMAKE_PREFIX_PATH="$folder/prefix" >/dev/null
"$cmake" --build "$folder/build"
"$folder/build/consumer"
