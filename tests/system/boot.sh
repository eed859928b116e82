#!/usr/bin/env bash
# Boots a real Debian guest through forerun, twice: boot.sh BIN_FOLDER [APP]
# The image is built once by the guest recipe beside the project (../shared/guest; root, loop devices, debootstrap) and kept
# in the cache folder. The origin is 10 ms and 1 Gbit/s away. The second boot is on an empty cache and a fresh volume. Passes
# if both guests come up and power off, the second finds most of what it reads moved already, and the log verifies.
set -euo pipefail
bin=$(realpath "$1")
app=${2:-none}
guest=$(realpath "$(dirname "$0")/../../../shared/guest" 2>/dev/null || true)
images=${XDG_CACHE_HOME:-$HOME/.cache}/forerun/guest
if [ ! -e "$images/alpha.raw" ] && [ ! -x "$guest/build.sh" ]; then
  echo "skipped: there is no guest image in $images, and no recipe beside the project to build one"
  exit 0
fi
for tool in qemu-system-x86_64 debootstrap mkfs.ext4; do
  command -v $tool >/dev/null || { echo "boot.sh: $tool is missing (apt-get install qemu-system-x86 debootstrap e2fsprogs)" >&2; exit 1; }
done
if [ ! -e "$images/alpha.raw" ]; then
  echo "building the guest image in $images (once, some minutes)"
  mkdir -p "$images/new"
  OUT=$images/new CACHE=$images/debs bash "$guest/build.sh" alpha >"$images/build.log" 2>&1 ||
    { tail -20 "$images/build.log" >&2; exit 1; }
  mv "$images/new"/* "$images/"
  rmdir "$images/new"
fi

work=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
await() { for _ in $(seq 200); do [ -e "$1" ] && return; sleep 0.05; done; echo "boot.sh: $1 did not come" >&2; exit 1; }

"$bin/forerun-origin" --listen "unix:$work/origin.sock" --source "file:$images/alpha.raw" --export alpha --delay 10ms \
  --rate 1Gbit >"$work/origin.log" 2>&1 &
pids+=($!)
await "$work/origin.sock"
"$bin/forerun-node" --data-dir "$work/node" >"$work/node.log" 2>&1 &
pids+=($!)
await "$work/node/control.sock"
forerun() { "$bin/forerun" --socket "$work/node/control.sock" "$@"; }
counter() { forerun volume list --json | python3 -c "
import json, sys
print(next(v['counters']['$2'] for v in json.load(sys.stdin) if v['name'] == '$1'))"; }

boot() { # VOLUME
  forerun volume create "$1" --image "nbd+unix:///alpha?socket=$work/origin.sock" --program "$app" >/dev/null
  local start=$SECONDS
  timeout 600 qemu-system-x86_64 -nodefaults -no-user-config -machine q35 -accel tcg -m 512 -smp 1 \
    -kernel "$images/vmlinuz" -initrd "$images/initrd.img.alpha" \
    -append "console=ttyS0 root=/dev/vda rw net.ifnames=0 forerun.app=$app" \
    -drive "id=d0,if=none,format=raw,file.driver=nbd,file.server.type=unix,file.server.path=$work/node/nbd.sock,file.export=$1,cache.direct=on,discard=unmap" \
    -device virtio-blk-pci,drive=d0 -display none -serial "file:$work/$1.serial" -no-reboot
  grep -q ALL-DONE "$work/$1.serial" || { tail -20 "$work/$1.serial" >&2; echo "boot.sh: the guest did not come up" >&2; exit 1; }
  echo "$1: $((SECONDS - start)) s, $(counter "$1" reads) reads, $(counter "$1" misses) misses, $(counter "$1" late) late, stalled $(counter "$1" stall_seconds) s"
}

boot first
forerun cache drop
used=$(counter first used_blocks) moved=$(counter first prefetched_blocks)
boot second
used=$(($(counter second used_blocks) - used)) moved=$(($(counter second prefetched_blocks) - moved))
echo "second boot: $moved blocks moved early, $used of them read"
forerun verify
[ "$(counter second misses)" -lt $(($(counter first misses) / 4)) ] || { echo "boot.sh: the second boot missed too often" >&2; exit 1; }
[ $((used * 100)) -ge $((moved * 90)) ] || { echo "boot.sh: too much was moved for nothing" >&2; exit 1; }
