#include "apps/cli/import_batches.hpp"
#include "runtime/base/hash.hpp"
#include <fmt/format.h>

namespace forerun::cli {
namespace {

using namespace control;

// What things take in a message: words for the struct and its texts.
constexpr std::size_t entry_bytes = 48;
constexpr std::size_t context_bytes = 40;
constexpr std::size_t envelope_bytes = 1024;
constexpr std::size_t labels_bytes_max = 3 * 272;
/// A row makes at most two entries, each with a context and a value.
constexpr std::size_t row_bytes_max =
    2 * (entry_bytes + import_value_bytes_max + 16 + context_bytes + labels_bytes_max);

/// With its ending zero, in whole words, and one more that leads there from another piece of the message.
std::size_t text_bytes(std::string_view text) {
  return ((text.size() + 8) & ~std::size_t{7}) + 8;
}

std::uint32_t space_of(const import_labels& labels, std::string_view volume) {
  return import_space_bit | static_cast<std::uint32_t>(element_of(fmt::format("{}/{}", labels.vm, volume)));
}

} // namespace

bool import_batches::full() const {
  return batch_.entries.size() + 2 > import_entries_max || batch_.contexts.size() + 2 > import_contexts_max ||
         bytes_ + row_bytes_max + envelope_bytes > import_bytes_max;
}

std::uint16_t import_batches::context_of(const trace::row& what, bool names_only) {
  const auto either = [](const std::string& said, std::string_view recorded) {
    return said.empty() ? recorded : std::string_view{said};
  };
  const auto program = names_only ? std::string_view{} : either(labels_.program, what.program);
  const auto user = names_only ? std::string_view{} : either(labels_.user, what.user);
  key_.clear();
  for (const auto part : {what.volume, program, user}) {
    key_ += part;
    key_ += '\0'; // No label holds one.
  }
  key_ += static_cast<char>(what.kind);
  key_ += what.timed ? 't' : 'o';
  if (const auto known = contexts_.find(key_); known != contexts_.end())
    return known->second;

  std::string where = labels_.vm.empty() ? labels_.recording : labels_.vm;
  if (!labels_.volume.empty() && labels_.vm.empty())
    where = labels_.volume;
  else if (labels_.volume.empty() && !what.volume.empty())
    where = labels_.vm.empty() ? std::string{what.volume} : fmt::format("{}/{}", labels_.vm, what.volume);
  import_context made{.vm = (what.timed ? "import:" : "import-ord:") + where,
                      .program = std::string{program},
                      .user = std::string{user},
                      .kind = what.kind};
  if (what.kind == element_kind::block && labels_.volume.empty())
    made.space = space_of(labels_, what.volume);
  bytes_ += context_bytes + text_bytes(made.vm) + text_bytes(made.program) + text_bytes(made.user);
  batch_.contexts.push_back(std::move(made));
  const auto index = static_cast<std::uint16_t>(batch_.contexts.size() - 1);
  contexts_.emplace(key_, index);
  return index;
}

bool import_batches::add(const trace::row& what) {
  if (what.kind == element_kind::block) {
    if (!labels_.volume.empty()) {
      if (recorded_volume_.empty())
        recorded_volume_ = what.volume;
      if (recorded_volume_ != what.volume)
        return false;
    }
    put(context_of(what, false), what, blocks_touched(what.offset, what.bytes), {});
    return true;
  }
  const extent where{element_of(what.name), 1};
  if (told_.size() >= names_told_max)
    told_.clear();
  if (told_.insert(where.first).second) {
    ++names_;
    // Nobody is said to have made it: it is only named.
    trace::row naming{.at_ns = what.at_ns, .timed = what.timed, .op = operation::allocate, .kind = what.kind};
    if (what.op != operation::allocate)
      put(context_of(naming, true), naming, where, what.name);
  }
  put(context_of(what, false), what, where, what.value);
  return true;
}

void import_batches::put(std::uint16_t context, const trace::row& what, extent where,
                         std::string_view value) {
  access made{.at = {labels_.start_ns + what.at_ns},
              .latency = what.latency,
              .where = where,
              .bytes = what.bytes,
              .op = what.op,
              .how = what.how};
  bytes_ += entry_bytes;
  if (value.size() > import_value_bytes_max) {
    made.written = digest_of(std::as_bytes(std::span{value}));
    bytes_ += text_bytes(value.substr(0, made.written.size()));
    value = {};
  } else if (!value.empty()) {
    bytes_ += text_bytes(value);
  }
  batch_.entries.push_back(made);
  batch_.context_of.push_back(context);
  batch_.values.emplace_back(value);
}

import_batch import_batches::take() {
  auto made = std::exchange(batch_, {});
  made.volume = labels_.volume;
  contexts_.clear();
  bytes_ = 0;
  return made;
}

} // namespace forerun::cli
