#!/usr/bin/env bash
# caf.sh PREFIX: builds the core library of CAF 0.18.7 (static) and installs it into PREFIX.
#
# Debian's binary package is older, so the source comes from Debian's source package in the suite
# experimental. It is fetched with apt options of its own: the system's sources and lists stay as they are,
# and no root is needed. What is fetched is checked twice: by the archive's signature and by the sum below.
# shellcheck disable=SC2016
set -euo pipefail

PREFIX=$(realpath -m "${1:?PREFIX}")
VERSION=0.18.7
TAR=actor-framework_$VERSION.orig.tar.gz
SUM=d5c3abe8fd67a729aab1baeece10367637d903ba335f4c79378bcadfbcd34552

WORK=$PREFIX.build
mkdir -p "$WORK/lists/partial" "$WORK/cache/archives/partial"
cd "$WORK"
# Two first builds at once would tread on each other.
exec 9>lock
flock 9
[ ! -e "$PREFIX/lib/cmake/CAF/CAFConfig.cmake" ] || exit 0

fetch() {
  local mirror options
  # The system's own mirror; apt knows it whatever the form of its files. Without lists there is the default.
  mirror=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
    sed -n 's/^Debian|Debian|//p' | head -1)
  [ -n "$mirror" ] || { echo "apt has no lists of Debian: run 'apt-get update' first" >&2 && return 1; }
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror experimental main" >src.list
  options=(-q -o "Dir::Etc::SourceList=$WORK/src.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$WORK/lists" -o "Dir::Cache=$WORK/cache" -o "APT::Sandbox::User=$(id -un)")
  apt-get "${options[@]}" update
  apt-get "${options[@]}" --download-only --tar-only source "actor-framework=$VERSION-1~exp1"
}
sha256sum -c --status <<<"$SUM  $TAR" 2>/dev/null || fetch
sha256sum -c <<<"$SUM  $TAR"

rm -rf src build
mkdir src
tar xzf "$TAR" -C src --strip-components=1
cmake -G Ninja -S src -B build -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-O2 -DNDEBUG" \
  -DCMAKE_INSTALL_PREFIX="$PREFIX" -DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF \
  -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DCMAKE_CXX_STANDARD=17 -DCMAKE_CXX_EXTENSIONS=OFF \
  -DCMAKE_CXX_FLAGS=-w -DCAF_ENABLE_IO_MODULE=OFF -DCAF_ENABLE_OPENSSL_MODULE=OFF \
  -DCAF_ENABLE_TESTING=OFF -DCAF_ENABLE_TOOLS=OFF -DCAF_ENABLE_EXAMPLES=OFF >configure.log ||
  { cat configure.log >&2 && exit 1; }
NINJA_STATUS='[CAF %f/%t %es] ' cmake --build build
cmake --install build --strip >/dev/null
rm -rf src build
