#pragma once
#include "runtime/base/audit.hpp"
#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace forerun::store {

/// A volume that exists.
struct volume_entry {
  std::string name;
  volume_id id{};
  image_id image{}; ///< 0: none.
  std::uint64_t bytes = 0;
  std::string program;
  std::string listen; ///< An address of its own, or empty.
  bool read_only = false;
  audit_policy audit = audit_policy::unset;
  bool operator==(const volume_entry&) const = default;
};

/// An image that some volume was made of. It stays known after its last volume, with what was learned of it.
struct image_entry {
  image_id id{};
  std::string url;
  std::uint64_t bytes = 0; ///< When it was first opened; another size later is another image: refused.
  bool operator==(const image_entry&) const = default;
};

inline constexpr std::size_t volumes_max = 1024;
inline constexpr std::size_t images_max = 1024;
inline constexpr std::size_t model_bytes_max = std::size_t{64} << 20;

/// What a node knows across its lives: volumes, images and what was learned of them, in LMDB. Each call is
/// one transaction, on the thread that makes it, durable when it returns. Any thread, one at a time for
/// writing. Errors: `io_failed`, `no_space`, `corrupt`, besides those that are named.
class catalog {
public:
  /// Opens or makes the database in the folder (which must exist). Errors: `unsupported` for a later format.
  static result<std::unique_ptr<catalog>> open(const std::string& folder);
  ~catalog();
  catalog(const catalog&) = delete;
  catalog& operator=(const catalog&) = delete;

  /// In order of name.
  result<std::vector<volume_entry>> volumes() const;
  /// Gives it an id. Errors: `exists`, `overloaded` at `volumes_max`.
  result<volume_entry> add_volume(volume_entry what);
  /// Errors: `not_found`.
  result<void> remove_volume(const std::string& name);

  /// The image of that URL, made known with an id if it was not. Errors: `changed` when it is known with
  /// another size, `overloaded` at `images_max`.
  result<image_entry> image_of(const std::string& url, std::uint64_t bytes);
  result<std::vector<image_entry>> images() const;

  /// What was learned, with a checksum. Errors: `overloaded` past `model_bytes_max`.
  result<void> put_model(image_id image, std::span<const std::byte> model);
  /// Errors: `not_found`, `corrupt`.
  result<std::vector<std::byte>> get_model(image_id image) const;

  /// What its files are (runtime/anatomy), in the same manner.
  result<void> put_files(image_id image, std::span<const std::byte> files);
  result<std::vector<std::byte>> get_files(image_id image) const;

private:
  struct tables;
  explicit catalog(std::unique_ptr<tables> given);
  std::unique_ptr<tables> tables_;
};

} // namespace forerun::store
