#pragma once
#include "runtime/base/access.hpp"
#include "runtime/base/result.hpp"
#include <memory>
#include <span>
#include <string>

namespace forerun::bench {

/// Something that keeps access records in order: our log, or a peer with the same fields in it.
class record_store {
public:
  virtual ~record_store() = default;
  virtual result<void> append(volume_id volume, std::span<const access> entries) = 0;
  /// Called about once a second, and at the end: what was appended so far then survives a crash.
  virtual result<void> sync() = 0;
};

/// Records as values of a stream: XADD in pipelines of 4096, over a unix socket. The server syncs by its own
/// settings.
result<std::unique_ptr<record_store>> redis_store(const std::string& socket);
/// Records by position: MDB_APPEND, a transaction for 4096 of them, no sync but those that are asked for.
result<std::unique_ptr<record_store>> lmdb_store(const std::string& folder);
/// Records as rows: a prepared INSERT, a transaction for 4096 of them, write-ahead log, synchronous = NORMAL.
result<std::unique_ptr<record_store>> sqlite_store(const std::string& folder);

} // namespace forerun::bench
