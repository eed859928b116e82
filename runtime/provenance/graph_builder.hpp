#pragma once
#include "runtime/provenance/graph.hpp"

namespace forerun::provenance {

/// Puts a graph together: each thing once, within the limits. What does not fit is left out and noted.
class graph_builder {
public:
  static constexpr auto none = std::numeric_limits<std::uint32_t>::max();

  struct added {
    std::uint32_t index = none; ///< `none`: there is no room.
    bool fresh = false;
  };

  explicit graph_builder(const graph_limits& limits) : limits_(limits) {}

  /// The very version that was asked for, a single element of what `by` made (null: nothing did).
  added asked(const version_id& what, const entry* by);
  /// The entity of a record that makes versions.
  added made(const entry& by);
  /// The entity of elements as they began.
  added began(element_kind kind, std::uint32_t space, extent where);
  /// A run, its agents, and that they are associated.
  added run_of(const context& who);
  /// Once for each pair and relation: it keeps the earliest record and counts.
  void connect(std::uint32_t from, std::uint32_t to, relation what, const record& by, extent where);

  /// Notes that something is left out.
  void cut() { so_far_.complete = false; }
  /// Notes that nothing more may be put in.
  void close() {
    cut();
    closed_ = true;
  }
  bool closed() const { return closed_; }
  std::size_t room() const { return limits_.nodes_max - so_far_.nodes.size(); }
  graph& so_far() { return so_far_; }

private:
  struct range {
    element_kind kind;
    std::uint32_t space;
    extent where;
    bool operator==(const range&) const = default;
    template <class H> friend H AbslHashValue(H state, const range& it) {
      return H::combine(std::move(state), static_cast<std::uint8_t>(it.kind), it.space, it.where.first,
                        it.where.count);
    }
  };
  struct link {
    std::uint32_t from;
    std::uint32_t to;
    relation what;
    bool operator==(const link&) const = default;
    template <class H> friend H AbslHashValue(H state, const link& it) {
      return H::combine(std::move(state), it.from, it.to, static_cast<std::uint8_t>(it.what));
    }
  };
  template <class Key> using index = absl::flat_hash_map<Key, std::uint32_t>;

  template <class Key> added add(index<Key>& known, const Key& key, auto make);
  edge* link_up(std::uint32_t from, std::uint32_t to, relation what);

  graph_limits limits_;
  graph so_far_;
  bool closed_ = false;
  index<std::uint64_t> made_; ///< By position.
  index<range> began_;
  index<activity> runs_;
  index<party> parties_;
  index<link> links_;
};

} // namespace forerun::provenance
