#pragma once
#include "runtime/provenance/origin.hpp"
#include <algorithm>

namespace forerun::provenance {

/// Records that a test makes up, asked for in the plainest way. Positions count from 0.
class record_list final : public record_source {
public:
  /// Gives its position. Elements are blocks of space 1.
  std::uint64_t add(std::uint64_t run, operation op, extent where, outcome how = outcome::none) {
    return add({.by = {.vm = "alpha", .program = "p" + std::to_string(run), .user = "ann"},
                .run = {run},
                .space = 1},
               op, where, how);
  }
  std::uint64_t read(std::uint64_t run, extent where, outcome how = outcome::hit) {
    return add(run, operation::read, where, how);
  }
  std::uint64_t write(std::uint64_t run, extent where, outcome how = outcome::none) {
    return add(run, operation::write, where, how);
  }
  std::uint64_t remove(std::uint64_t run, extent where) { return add(run, operation::remove, where); }
  std::uint64_t execute(std::uint64_t run, extent where) { return add(run, operation::execute, where); }
  std::uint64_t prefetch(std::uint64_t run, extent where) { return add(run, operation::prefetch, where); }

  std::uint64_t add(const context& who, operation op, extent where, outcome how = outcome::none) {
    const auto position = all.size();
    all.push_back({who,
                   {.position = position,
                    .at = {static_cast<std::int64_t>(1'700'000'000'000'000'000 + position * 1'000'000)},
                    .where = where,
                    .bytes = where.count * block_bytes,
                    .op = op,
                    .how = how}});
    return position;
  }

  result<scan_result> scan(const filter& wanted, const visitor& visit) const override {
    scan_result done;
    for (const auto& [who, what] : all) {
      if (!wanted.wants(who) || !wanted.wants(what))
        continue;
      if (done.matched == wanted.records_max) {
        done.complete = false;
        break;
      }
      ++done.matched;
      if (!visit(who, what)) {
        done.complete = false;
        break;
      }
    }
    return done;
  }
  result<std::vector<entry>> last(const filter& wanted, std::size_t max) const override {
    std::vector<entry> found;
    for (auto it = all.rbegin(); it != all.rend() && found.size() < max; ++it)
      if (wanted.wants(it->who) && wanted.wants(it->what))
        found.push_back(*it);
    std::reverse(found.begin(), found.end());
    return found;
  }

  std::vector<entry> all;
};

} // namespace forerun::provenance
