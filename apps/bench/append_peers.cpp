#include "apps/bench/append_peers.hpp"
#include "runtime/base/bytes.hpp"
#include <charconv>
#include <lmdb.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

namespace forerun::bench {
namespace {

/// Records that a peer takes in one transaction or pipeline, however small the batches are.
constexpr std::size_t group = 4096;

/// The fields of a record one behind the other, as a program would pack them for a store of bytes.
void pack(volume_id volume, const forerun::access& it, std::vector<std::byte>& out) {
  byte_writer<> to{out};
  to.put(static_cast<std::uint64_t>(it.at.ns));
  to.put(volume.value);
  to.put(it.where.first);
  to.put(it.where.count);
  to.put(it.bytes);
  to.put(static_cast<std::uint32_t>(it.latency.count() / 1000));
  to.put(static_cast<std::uint8_t>(it.op));
  to.put(static_cast<std::uint8_t>(it.how));
  if (it.op == operation::write)
    to.put_bytes(std::as_bytes(std::span{it.written}));
}

class redis final : public record_store {
public:
  explicit redis(int socket) : socket_(socket) {}
  ~redis() override { ::close(socket_); }

  result<void> append(volume_id volume, std::span<const forerun::access> entries) override {
    for (const auto& it : entries) {
      value_.clear();
      pack(volume, it, value_);
      text("*5\r\n$4\r\nXADD\r\n$3\r\nlog\r\n$1\r\n*\r\n$1\r\nr\r\n$");
      text(std::to_string(value_.size()));
      text("\r\n");
      out_.insert(out_.end(), value_.begin(), value_.end());
      text("\r\n");
      ++made_;
    }
    return made_ < group ? result<void>{success()} : send();
  }
  result<void> sync() override {
    if (auto sent = send(); !sent)
      return sent;
    return answers(std::exchange(open_, 0));
  }

private:
  /// One pipeline is being answered while the next one is made.
  result<void> send() {
    for (std::span<const std::byte> rest{out_}; !rest.empty();) {
      const auto sent = ::send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent <= 0)
        return errc::io_failed;
      rest = rest.subspan(static_cast<std::size_t>(sent));
    }
    out_.clear();
    return answers(std::exchange(open_, std::exchange(made_, 0)));
  }
  void text(std::string_view what) {
    const auto bytes = std::as_bytes(std::span{what});
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }
  /// Each answer is two lines: the length of the entry's id, and the id.
  result<void> answers(std::size_t count) {
    for (std::size_t lines = 2 * count; lines > 0;) {
      if (seen_ == got_) {
        const auto got = ::recv(socket_, in_, sizeof in_, 0);
        if (got <= 0)
          return errc::io_failed;
        got_ = static_cast<std::size_t>(got);
        seen_ = 0;
      }
      for (; seen_ < got_ && lines > 0; ++seen_) {
        if (line_begins_ && in_[seen_] == '-')
          return errc::io_failed;
        line_begins_ = in_[seen_] == '\n';
        lines -= line_begins_;
      }
    }
    return success();
  }

  int socket_;
  std::vector<std::byte> out_, value_;
  std::size_t made_ = 0; ///< In the pipeline that is being made,
  std::size_t open_ = 0; ///< and in the one that is being answered.
  char in_[65536];
  std::size_t got_ = 0, seen_ = 0;
  bool line_begins_ = true;
};

class lmdb final : public record_store {
public:
  ~lmdb() override {
    if (txn_ != nullptr)
      mdb_txn_abort(txn_);
    mdb_env_close(env_);
  }

  bool open(const std::string& folder) {
    constexpr std::size_t room = std::size_t{64} << 30; // Of the address space, not of the disk.
    if (mdb_env_create(&env_) != 0 || mdb_env_set_mapsize(env_, room) != 0 ||
        mdb_env_open(env_, folder.c_str(), MDB_NOSYNC, 0600) != 0)
      return false;
    MDB_txn* txn = nullptr;
    return mdb_txn_begin(env_, nullptr, 0, &txn) == 0 &&
           mdb_dbi_open(txn, nullptr, MDB_INTEGERKEY, &table_) == 0 && mdb_txn_commit(txn) == 0;
  }
  result<void> append(volume_id volume, std::span<const forerun::access> entries) override {
    if (txn_ == nullptr && mdb_txn_begin(env_, nullptr, 0, &txn_) != 0)
      return errc::io_failed;
    for (const auto& it : entries) {
      value_.clear();
      pack(volume, it, value_);
      MDB_val key{sizeof position_, &position_};
      MDB_val value{value_.size(), value_.data()};
      if (mdb_put(txn_, table_, &key, &value, MDB_APPEND) != 0)
        return errc::io_failed;
      ++position_;
    }
    return (made_ += entries.size()) < group ? result<void>{success()} : commit();
  }
  result<void> sync() override {
    if (auto done = commit(); !done)
      return done;
    return mdb_env_sync(env_, 1) == 0 ? result<void>{success()} : errc::io_failed;
  }

private:
  result<void> commit() {
    made_ = 0;
    auto* const txn = std::exchange(txn_, nullptr);
    return txn == nullptr || mdb_txn_commit(txn) == 0 ? result<void>{success()} : errc::io_failed;
  }

  MDB_env* env_ = nullptr;
  MDB_txn* txn_ = nullptr;
  std::size_t made_ = 0;
  MDB_dbi table_ = 0;
  std::size_t position_ = 0;
  std::vector<std::byte> value_;
};

class sqlite final : public record_store {
public:
  ~sqlite() override {
    sqlite3_finalize(insert_);
    sqlite3_close(db_);
  }
  bool open(const std::string& path) {
    return sqlite3_open(path.c_str(), &db_) == SQLITE_OK &&
           run("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
               "CREATE TABLE log(position INTEGER PRIMARY KEY, time INTEGER, volume INTEGER, element INTEGER,"
               " count INTEGER, bytes INTEGER, latency INTEGER, op INTEGER, how INTEGER, written BLOB);") &&
           sqlite3_prepare_v2(db_, "INSERT INTO log VALUES(NULL,?,?,?,?,?,?,?,?,?)", -1, &insert_, nullptr) ==
               SQLITE_OK;
  }
  result<void> append(volume_id volume, std::span<const forerun::access> entries) override {
    if (made_ == 0 && !run("BEGIN"))
      return errc::io_failed;
    for (const auto& it : entries) {
      int at = 0;
      for (const auto number :
           {it.at.ns, std::int64_t{volume.value}, static_cast<std::int64_t>(it.where.first),
            std::int64_t{it.where.count}, std::int64_t{it.bytes}, std::int64_t{it.latency.count() / 1000},
            static_cast<std::int64_t>(it.op), static_cast<std::int64_t>(it.how)})
        sqlite3_bind_int64(insert_, ++at, number);
      if (it.op == operation::write)
        sqlite3_bind_blob(insert_, ++at, it.written.data(), static_cast<int>(it.written.size()),
                          SQLITE_STATIC);
      else
        sqlite3_bind_null(insert_, ++at);
      if (sqlite3_step(insert_) != SQLITE_DONE || sqlite3_reset(insert_) != SQLITE_OK)
        return errc::io_failed;
    }
    return (made_ += entries.size()) < group ? result<void>{success()} : sync();
  }
  result<void> sync() override {
    return std::exchange(made_, 0) == 0 || run("COMMIT") ? result<void>{success()} : errc::io_failed;
  }

private:
  bool run(const char* text) { return sqlite3_exec(db_, text, nullptr, nullptr, nullptr) == SQLITE_OK; }

  sqlite3* db_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  std::size_t made_ = 0;
};

} // namespace

result<std::unique_ptr<record_store>> redis_store(const std::string& path) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (path.size() >= sizeof to.sun_path)
    return errc::invalid_argument;
  path.copy(to.sun_path, path.size());
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0)
    return errc::io_failed;
  auto made = std::make_unique<redis>(socket);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    return errc::not_found;
  return made;
}

result<std::unique_ptr<record_store>> lmdb_store(const std::string& folder) {
  auto made = std::make_unique<lmdb>();
  if (!made->open(folder))
    return errc::io_failed;
  return made;
}

result<std::unique_ptr<record_store>> sqlite_store(const std::string& folder) {
  auto made = std::make_unique<sqlite>();
  if (!made->open(folder + "/log.db"))
    return errc::io_failed;
  return made;
}

} // namespace forerun::bench
