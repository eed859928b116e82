#pragma once
#include "runtime/provenance/graph_builder.hpp"
#include <deque>

namespace forerun::provenance {

/// What made a version; null: it is as it began. Errors: `not_found`, `invalid_argument`, the source's.
result<std::shared_ptr<const entry>> maker_of(const record_source& from, const version_id& of);

/// Breadth first through the log, from one version. Used once, by one thread. Memory: the graph, what one
/// question gives (at most `page_records`, or as many versions as there is room for), and the finder's
/// answers.
class graph_walk {
public:
  graph_walk(const record_source& from, const graph_limits& limits)
      : from_(from), limits_(limits), finder_(from, limits.records_max), graph_(limits) {}

  /// To where `of` comes from. With `until` it ends when it meets that version, and goes only where it may
  /// be.
  result<graph> back(const version_id& of, const std::optional<version_id>& until = {});
  /// The node of `until`, if it was met.
  std::optional<std::uint32_t> met() const { return met_; }

  /// To what comes of `of`.
  result<graph> forth(const version_id& of);

  static constexpr std::size_t page_records = 1024;

private:
  /// An entity that is to be followed; what it is on is in the graph.
  struct open_entity {
    std::uint32_t node = 0;
    std::size_t depth = 0;
    std::shared_ptr<const entry> made; ///< Null only for the first, as it began.
  };
  struct reader {
    context who;
    record first_use;
    extent where; ///< The elements that it met, or some of them.
  };
  /// What became of an entity: who used it while it was there, and the record that removed the last of it.
  struct fate {
    std::vector<reader> readers;
    std::optional<entry> removed;
  };

  result<void> begin(const version_id& of);
  graph finished();
  result<void> follow_uses(std::uint32_t run, const open_entity& made);
  result<void> follow_use(std::uint32_t run, const open_entity& made, const entry& use);
  result<fate> fate_of(const open_entity& it);
  result<void> follow_fate(const open_entity& it);
  result<void> follow_makes(std::uint32_t run, const open_entity& used, const reader& by);
  bool stopped() const { return graph_.closed() || met_; }
  /// False, and the graph is closed, if the records are spent.
  bool look_at(std::uint64_t records);

  const record_source& from_;
  graph_limits limits_;
  origin_finder finder_;
  graph_builder graph_;
  std::deque<open_entity> open_;
  /// Of each run: back, its uses before this are followed; forth, what it made from here on.
  absl::flat_hash_map<std::uint32_t, std::uint64_t> followed_;
  std::optional<version_id> until_;
  std::optional<std::uint32_t> met_;
};

} // namespace forerun::provenance
