#include "runtime/store/catalog.hpp"
#include "runtime/base/bytes.hpp"
#include "runtime/base/hash.hpp"
#include <algorithm>
#include <lmdb.h>
#include <optional>

namespace forerun::store {

namespace {

constexpr std::uint32_t format_version = 1;
/// Address space, not memory: what the database can ever hold.
constexpr std::size_t map_bytes = std::size_t{16} << 30;
constexpr const char* version_key = "version";
constexpr const char* next_volume_key = "next-volume";
constexpr const char* next_image_key = "next-image";

errc errc_of(int code) {
  switch (code) {
  case MDB_NOTFOUND:
    return errc::not_found;
  case MDB_KEYEXIST:
    return errc::exists;
  case MDB_MAP_FULL:
  case ENOSPC:
    return errc::no_space;
  case MDB_CORRUPTED:
  case MDB_INVALID:
  case MDB_PAGE_NOTFOUND:
    return errc::corrupt;
  case MDB_VERSION_MISMATCH:
    return errc::unsupported;
  case EACCES:
    return errc::permission_denied;
  default:
    return errc::io_failed;
  }
}

MDB_val value_of(std::span<const std::byte> bytes) {
  return {bytes.size(), const_cast<std::byte*>(bytes.data())};
}

std::span<const std::byte> bytes_of(const MDB_val& value) {
  return {static_cast<const std::byte*>(value.mv_data), value.mv_size};
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text});
}

/// Ids as keys sort as numbers when they are big-endian.
std::array<std::byte, 4> key_of(image_id image) {
  std::array<std::byte, 4> key;
  put_number<std::uint32_t, std::endian::big>(key.data(), image.value);
  return key;
}

void put_text(byte_writer<>& out, std::string_view text) {
  out.put(static_cast<std::uint32_t>(text.size()));
  out.put_bytes(bytes_of(text));
}

std::string take_text(byte_reader<>& in) {
  const auto bytes = in.take_bytes(in.take<std::uint32_t>());
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<std::byte> encode(const volume_entry& what) {
  std::vector<std::byte> bytes;
  byte_writer<> out{bytes};
  out.put(what.id.value);
  out.put(what.image.value);
  out.put(what.bytes);
  out.put(static_cast<std::uint8_t>(what.read_only));
  put_text(out, what.program);
  put_text(out, what.listen);
  out.put(static_cast<std::uint8_t>(what.audit));
  return bytes;
}

std::optional<volume_entry> decode_volume(std::string_view name, std::span<const std::byte> bytes) {
  byte_reader<> in{bytes};
  volume_entry what;
  what.name = name;
  what.id.value = in.take<std::uint32_t>();
  what.image.value = in.take<std::uint32_t>();
  what.bytes = in.take<std::uint64_t>();
  what.read_only = in.take<std::uint8_t>() != 0;
  what.program = take_text(in);
  what.listen = take_text(in);
  // What was written before volumes had an audit of their own ends here.
  const auto audit = in.ok() && in.left() > 0 ? in.take<std::uint8_t>() : std::uint8_t{0};
  if (audit > static_cast<std::uint8_t>(audit_policy_last))
    return std::nullopt;
  what.audit = static_cast<audit_policy>(audit);
  return in.ok() ? std::optional{what} : std::nullopt;
}

std::optional<image_entry> decode_image(std::string_view url, std::span<const std::byte> bytes) {
  byte_reader<> in{bytes};
  image_entry what{{in.take<std::uint32_t>()}, std::string{url}, in.take<std::uint64_t>()};
  return in.ok() ? std::optional{what} : std::nullopt;
}

} // namespace

struct catalog::tables {
  MDB_env* env = nullptr;
  MDB_dbi meta = 0;
  MDB_dbi volumes = 0;
  MDB_dbi images = 0;
  MDB_dbi models = 0;
  MDB_dbi files = 0;

  ~tables() {
    if (env != nullptr)
      mdb_env_close(env);
  }

  /// Runs `work(transaction)` and commits it if it went well.
  template <class T, class Work> result<T> transact(unsigned flags, Work work) const {
    MDB_txn* txn = nullptr;
    if (const int code = mdb_txn_begin(env, nullptr, flags, &txn); code != 0)
      return errc_of(code);
    result<T> done = work(txn);
    if (!done || (flags & MDB_RDONLY) != 0) {
      mdb_txn_abort(txn);
      return done;
    }
    if (const int code = mdb_txn_commit(txn); code != 0)
      return errc_of(code);
    return done;
  }

  static result<std::span<const std::byte>> get(MDB_txn* txn, MDB_dbi table, std::span<const std::byte> key) {
    auto at = value_of(key);
    MDB_val value{};
    if (const int code = mdb_get(txn, table, &at, &value); code != 0)
      return errc_of(code);
    return bytes_of(value);
  }
  static result<void> put(MDB_txn* txn, MDB_dbi table, std::span<const std::byte> key,
                          std::span<const std::byte> value, unsigned flags = 0) {
    auto at = value_of(key);
    auto what = value_of(value);
    if (const int code = mdb_put(txn, table, &at, &what, flags); code != 0)
      return errc_of(code);
    return success();
  }
  /// What belongs to an image, behind its checksum.
  result<void> put_checked(MDB_dbi table, image_id image, std::span<const std::byte> what) const;
  result<std::vector<std::byte>> get_checked(MDB_dbi table, image_id image) const;
  result<std::uint32_t> next_id(MDB_txn* txn, const char* counter) const {
    std::uint32_t next = 1;
    const auto now = get(txn, meta, bytes_of(counter));
    if (!now && now.error() != errc::not_found)
      return now.error();
    if (now && now.value().size() != 4)
      return errc::corrupt; // Beginning again at 1 would give an id twice.
    if (now)
      next = get_number<std::uint32_t>(now.value().data());
    std::array<std::byte, 4> after;
    put_number<std::uint32_t>(after.data(), next + 1);
    if (auto done = put(txn, meta, bytes_of(counter), after); !done)
      return done.error();
    return next;
  }
  static std::size_t count(MDB_txn* txn, MDB_dbi table) {
    MDB_stat about{};
    mdb_stat(txn, table, &about);
    return about.ms_entries;
  }
  /// Calls `visit(key, value)` for every entry; stops at the first failure.
  template <class Visit> static result<void> each(MDB_txn* txn, MDB_dbi table, Visit visit) {
    MDB_cursor* cursor = nullptr;
    if (const int code = mdb_cursor_open(txn, table, &cursor); code != 0)
      return errc_of(code);
    result<void> done = success();
    MDB_val key{};
    MDB_val value{};
    int code = 0;
    while (done && (code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
      done = visit(std::string_view{static_cast<const char*>(key.mv_data), key.mv_size}, bytes_of(value));
    if (done && code != MDB_NOTFOUND)
      done = errc_of(code);
    mdb_cursor_close(cursor);
    return done;
  }
};

catalog::catalog(std::unique_ptr<tables> given) : tables_(std::move(given)) {
}
catalog::~catalog() = default;

result<std::unique_ptr<catalog>> catalog::open(const std::string& folder) {
  auto made = std::make_unique<tables>();
  if (const int code = mdb_env_create(&made->env); code != 0)
    return errc_of(code);
  mdb_env_set_maxdbs(made->env, 5);
  mdb_env_set_mapsize(made->env, map_bytes);
  if (const int code = mdb_env_open(made->env, (folder + "/catalog").c_str(), MDB_NOSUBDIR, 0600); code != 0)
    return errc_of(code);
  auto ready = made->transact<void>(0, [&](MDB_txn* txn) -> result<void> {
    for (const auto& [name, table] : {std::pair{"meta", &made->meta}, std::pair{"volumes", &made->volumes},
                                      std::pair{"images", &made->images}, std::pair{"models", &made->models},
                                      std::pair{"files", &made->files}})
      if (const int code = mdb_dbi_open(txn, name, MDB_CREATE, table); code != 0)
        return errc_of(code);
    std::array<std::byte, 4> version;
    put_number<std::uint32_t>(version.data(), format_version);
    const auto found = tables::get(txn, made->meta, bytes_of(version_key));
    if (!found && found.error() != errc::not_found)
      return found.error();
    if (!found)
      return tables::put(txn, made->meta, bytes_of(version_key), version);
    if (!std::ranges::equal(found.value(), version))
      return errc::unsupported;
    return success();
  });
  if (!ready)
    return ready.error();
  return std::unique_ptr<catalog>{new catalog{std::move(made)}};
}

result<std::vector<volume_entry>> catalog::volumes() const {
  return tables_->transact<std::vector<volume_entry>>(
      MDB_RDONLY, [&](MDB_txn* txn) -> result<std::vector<volume_entry>> {
        std::vector<volume_entry> all;
        auto done =
            tables::each(txn, tables_->volumes, [&](std::string_view name, auto value) -> result<void> {
              auto entry = decode_volume(name, value);
              if (!entry)
                return errc::corrupt;
              all.push_back(std::move(*entry));
              return success();
            });
        if (!done)
          return done.error();
        return all;
      });
}

result<volume_entry> catalog::add_volume(volume_entry what) {
  return tables_->transact<volume_entry>(0, [&](MDB_txn* txn) -> result<volume_entry> {
    if (tables::count(txn, tables_->volumes) >= volumes_max)
      return errc::overloaded;
    const auto id = tables_->next_id(txn, next_volume_key);
    if (!id)
      return id.error();
    what.id = {id.value()};
    if (auto done = tables::put(txn, tables_->volumes, bytes_of(what.name), encode(what), MDB_NOOVERWRITE);
        !done)
      return done.error();
    return what;
  });
}

result<void> catalog::remove_volume(const std::string& name) {
  return tables_->transact<void>(0, [&](MDB_txn* txn) -> result<void> {
    auto key = value_of(bytes_of(name));
    if (const int code = mdb_del(txn, tables_->volumes, &key, nullptr); code != 0)
      return errc_of(code);
    return success();
  });
}

result<image_entry> catalog::image_of(const std::string& url, std::uint64_t bytes) {
  // LMDB's keys are short: the table is keyed by the digest of the URL, which stands in the value.
  const auto key = sha256(bytes_of(url));
  return tables_->transact<image_entry>(0, [&](MDB_txn* txn) -> result<image_entry> {
    const auto found = tables::get(txn, tables_->images, std::as_bytes(std::span{key}));
    if (!found && found.error() != errc::not_found)
      return found.error();
    if (found) {
      const auto entry = decode_image(url, found.value());
      if (!entry)
        return errc::corrupt;
      return entry->bytes == bytes ? result<image_entry>{*entry} : errc::changed;
    }
    if (tables::count(txn, tables_->images) >= images_max)
      return errc::overloaded;
    const auto id = tables_->next_id(txn, next_image_key);
    if (!id)
      return id.error();
    std::vector<std::byte> value;
    byte_writer<> out{value};
    out.put(id.value());
    out.put(bytes);
    put_text(out, url);
    if (auto done = tables::put(txn, tables_->images, std::as_bytes(std::span{key}), value); !done)
      return done.error();
    return image_entry{{id.value()}, url, bytes};
  });
}

result<std::vector<image_entry>> catalog::images() const {
  return tables_->transact<std::vector<image_entry>>(
      MDB_RDONLY, [&](MDB_txn* txn) -> result<std::vector<image_entry>> {
        std::vector<image_entry> all;
        auto done = tables::each(txn, tables_->images, [&](std::string_view, auto value) -> result<void> {
          byte_reader<> in{value};
          image_entry entry{{in.take<std::uint32_t>()}, {}, in.take<std::uint64_t>()};
          entry.url = take_text(in);
          if (!in.ok())
            return errc::corrupt;
          all.push_back(std::move(entry));
          return success();
        });
        if (!done)
          return done.error();
        return all;
      });
}

result<void> catalog::tables::put_checked(MDB_dbi table, image_id image,
                                          std::span<const std::byte> model) const {
  if (model.size() > model_bytes_max)
    return errc::overloaded;
  std::vector<std::byte> value(8);
  value.insert(value.end(), model.begin(), model.end());
  put_number<std::uint64_t>(value.data(), checksum(model));
  return transact<void>(0,
                        [&](MDB_txn* txn) -> result<void> { return put(txn, table, key_of(image), value); });
}

result<std::vector<std::byte>> catalog::tables::get_checked(MDB_dbi table, image_id image) const {
  return transact<std::vector<std::byte>>(MDB_RDONLY, [&](MDB_txn* txn) -> result<std::vector<std::byte>> {
    const auto found = get(txn, table, key_of(image));
    if (!found)
      return found.error();
    const auto value = found.value();
    if (value.size() < 8 || get_number<std::uint64_t>(value.data()) != checksum(value.subspan(8)))
      return errc::corrupt;
    return std::vector<std::byte>{value.begin() + 8, value.end()};
  });
}

result<void> catalog::put_model(image_id image, std::span<const std::byte> model) {
  return tables_->put_checked(tables_->models, image, model);
}

result<std::vector<std::byte>> catalog::get_model(image_id image) const {
  return tables_->get_checked(tables_->models, image);
}

result<void> catalog::put_files(image_id image, std::span<const std::byte> files) {
  return tables_->put_checked(tables_->files, image, files);
}

result<std::vector<std::byte>> catalog::get_files(image_id image) const {
  return tables_->get_checked(tables_->files, image);
}

} // namespace forerun::store
