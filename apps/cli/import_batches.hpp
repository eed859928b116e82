#pragma once
#include "runtime/control/import_values.hpp"
#include "runtime/trace/row.hpp"
#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

namespace forerun::cli {

/// Who the recorded accesses are said to be of, where the recording does not say it.
struct import_labels {
  std::string volume;  ///< Of the node; its models learn. Empty: none.
  std::string vm;      ///< Empty: the recorded volume, or `recording`.
  std::string program; ///< Instead of what the recording says, as is `user`.
  std::string user;
  std::string recording;     ///< The file's name, without folder and endings.
  std::int64_t start_ns = 0; ///< What the recording's times are added to, since 1970.
};

/// Turns rows into batches for the node. What a recording tells is marked as such: the vm begins with
/// "import:", or with "import-ord:" where the times only say an order. The first time that a named element is
/// met, a record says its name. One recording; one thread.
class import_batches {
public:
  /// So many names are remembered as told; past it all are forgotten, and told once more.
  static constexpr std::size_t names_told_max = 1u << 20;

  explicit import_batches(import_labels labels) : labels_(std::move(labels)) {}

  /// Takes a row in. False if it is left out: with a volume, only the first volume of the recording counts.
  /// Only if not `full`.
  bool add(const trace::row& what);
  /// `take` has to come before the next `add`.
  bool full() const;
  bool empty() const { return batch_.entries.empty(); }
  control::import_batch take();

  std::uint64_t names() const { return names_; } ///< So many records tell a name.

private:
  std::uint16_t context_of(const trace::row& what, bool names_only);
  void put(std::uint16_t context, const trace::row& what, extent where, std::string_view value);

  import_labels labels_;
  control::import_batch batch_;
  std::size_t bytes_ = 0; ///< About what the batch takes on its way.
  std::string key_;       ///< Of the context that is looked for.
  absl::flat_hash_map<std::string, std::uint16_t> contexts_;
  absl::flat_hash_set<std::uint64_t> told_;
  std::string recorded_volume_; ///< The first one, when there is a volume to teach.
  std::uint64_t names_ = 0;
};

} // namespace forerun::cli
