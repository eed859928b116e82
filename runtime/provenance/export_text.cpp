#include "runtime/provenance/export_text.hpp"
#include "runtime/base/date_time.hpp"
#include "runtime/base/hash.hpp"
#include <fmt/format.h>

namespace forerun::provenance {

std::string date_time(wall_time at) {
  return forerun::date_time(at, second_digits::nano);
}

std::string text_of(const digest& what) {
  return what == digest{} ? std::string{} : hex(what);
}

std::string name_of(element_kind kind) {
  return kind <= element_kind_last ? std::string{to_string(kind)}
                                   : fmt::format("kind{}", static_cast<unsigned>(kind));
}

std::string range_of(extent where) {
  return where.count > 1 ? fmt::format("{}-{}", where.first, where.end() - 1) : std::to_string(where.first);
}

} // namespace forerun::provenance
