#!/usr/bin/env python3
"""Checks that layers.py finds what is forbidden and lets pass what is allowed."""
import sys

from layers import check_text

FORBIDDEN = [
    ("runtime/base/ids.hpp", '#include "runtime/cache/shelf.hpp"'),
    ("runtime/base/ids.hpp", "#include <caf/all.hpp>"),
    ("runtime/predict/mixer.cpp", '#include "runtime/cache/shelf.hpp"'),
    ("runtime/predict/mixer.cpp", '#include "runtime/store/file.hpp"'),
    ("runtime/predict/mixer.cpp", '#include "schemas/wire/batch.capnp.h"'),
    ("runtime/predict/mixer.cpp", "#include <thread>"),
    ("runtime/predict/mixer.cpp", "# include <sys/mman.h>"),
    ("runtime/predict/mixer.cpp", "#include <kj/async.h>"),
    ("runtime/predict/mixer.cpp", "auto now = std::chrono::steady_clock::now();"),
    ("runtime/predict/mixer.cpp", "std::random_device seed;"),
    ("runtime/predict/mixer.cpp", '#include "mixer.hpp"'),
    ("runtime/study/machine.cpp", '#include "runtime/trace/reader.hpp"'),
    ("runtime/study/machine.cpp", "#include <thread>"),
    ("runtime/nbd/server.cpp", '#include "runtime/store/file.hpp"'),
    ("runtime/nbd/server.cpp", '#include "actors/volume/volume.hpp"'),
    ("runtime/unheard_of/thing.cpp", "#include <vector>"),
    ("actors/volume/volume.cpp", '#include "apps/node/node.hpp"'),
    ("apps/node/node.cpp", '#include "tests/support/guest.hpp"'),
]
ALLOWED = [
    ("runtime/study/machine.cpp", '#include "runtime/cache/policy.hpp"'),
    ("runtime/predict/mixer.cpp", '#include "runtime/predict/mixer.hpp"'),
    ("runtime/predict/mixer.cpp", '#include "runtime/base/ids.hpp"'),
    ("runtime/predict/mixer.cpp", "#include <absl/container/flat_hash_map.h>"),
    ("runtime/predict/mixer.cpp", "// never steady_clock::now() here"),
    ("runtime/volume/device.cpp", '#include "runtime/nbd/device.hpp"'),
    ("runtime/nbd/server.cpp", "#include <sys/epoll.h>"),
    ("runtime/control/server.cpp", '#include "schemas/wire/control.capnp.h"'),
    ("actors/volume/volume.cpp", '#include "runtime/nbd/device.hpp"'),
    ("apps/node/node.cpp", '#include "actors/volume/volume.hpp"'),
    ("tests/unit/cache/shelf_test.cpp", '#include "runtime/cache/shelf.hpp"'),
]

wrong = [f"not found: {path}: {line}" for path, line in FORBIDDEN if not check_text(path, line)]
wrong += [f"refused: {path}: {line}" for path, line in ALLOWED if check_text(path, line)]
print("\n".join(wrong) if wrong else f"{len(FORBIDDEN)} forbidden includes found, {len(ALLOWED)} allowed let pass")
sys.exit(1 if wrong else 0)
