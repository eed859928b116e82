#pragma once
#include "runtime/provenance/origin.hpp"
#include <variant>

/// The log as a graph in the terms of W3C PROV (https://www.w3.org/TR/prov-dm/), built for one question's
/// neighbourhood and never for the whole log.
///
/// A node is an entity, an activity or an agent:
/// - an entity is all that one WRITE or DELETE made, i.e. the new versions of the elements that it covers;
/// the one
///   that was asked for is a single element of it. Versions that no record made are entities too: for blocks
///   and pages one for a whole space as it began, for other kinds the elements as they were read.
/// - an activity is a run; run 0 is all that an agent did outside runs.
/// - an agent is a VM, a program or a user.
///
/// An edge goes from the later to what it comes from. Activities stand for many records, so an edge carries
/// the position that it became true at, and only ways count on which what an activity used stands before what
/// it made of it: X was used at 7 and Y generated at 9, so Y derives from X; but not from what was used
/// at 10. Nobody knows what a program did with what it read: derived means that it may be. wasAttributedTo is
/// not kept: an entity is attributed to all whom its activity is associated with.
namespace forerun::provenance {

/// One element from when it was made until it is made anew or removed.
struct version_id {
  element of{};
  std::optional<std::uint64_t> made; ///< Position of the WRITE or DELETE; none: as it began.

  bool operator==(const version_id&) const = default;
};

struct entity {
  element_kind kind = element_kind::block;
  std::uint32_t space = 0;
  extent where{}; ///< Its elements; empty: all of the space, as far as nothing was written there.
  std::optional<record> made;
  std::string name; ///< Under which its elements came into being; empty: not known, or nobody looked for it.

  bool operator==(const entity&) const = default;
};

struct activity {
  run_id run{};
  std::string vm;
  std::string program;
  std::string user;

  bool operator==(const activity&) const = default;
  template <class H> friend H AbslHashValue(H state, const activity& it) {
    return H::combine(std::move(state), it.run.value, it.vm, it.program, it.user);
  }
};

enum class party_role : std::uint8_t { vm, program, user };

struct party {
  party_role role = party_role::vm;
  std::string name;

  bool operator==(const party&) const = default;
  template <class H> friend H AbslHashValue(H state, const party& it) {
    return H::combine(std::move(state), static_cast<std::uint8_t>(it.role), it.name);
  }
};

using node = std::variant<entity, activity, party>;

enum class relation : std::uint8_t {
  used = 0,        ///< activity -> entity
  generated = 1,   ///< entity -> activity
  invalidated = 2, ///< entity -> activity: it was removed, all of it that was not overwritten before.
  associated = 3,  ///< activity -> agent; without a position
  derived = 4,     ///< entity -> entity: how the walk met it first. Others follow from used and generated.
};

struct edge {
  std::uint32_t from = 0; ///< Index of a node.
  std::uint32_t to = 0;
  relation what = relation::used;
  std::uint64_t position = 0; ///< Of the first record of it.
  wall_time at{};             ///< Of the same record.
  extent where{};             ///< Of the same record: the elements in question.
  std::uint64_t records = 0;  ///< So many that say the same were met.

  bool operator==(const edge&) const = default;
};

/// What a question may cost. At any of these the walk stops, and says so.
struct graph_limits {
  std::size_t nodes_max = 1000;
  std::size_t edges_max = 10'000;
  std::size_t depth_max = 16;          ///< Derivations between the version asked for and the farthest.
  std::uint64_t records_max = 100'000; ///< Looked at; a question without an answer counts as one.
};

struct graph {
  std::vector<node> nodes; ///< The first is what was asked for.
  std::vector<edge> edges;
  bool complete =
      true; ///< False: a limit was reached, or a place of the log does not hold. All that is here is true.
  std::uint64_t records = 0; ///< That were looked at.
};

/// The version that stands at position `before`, i.e. that a reader there would meet. Errors: as `writer_of`.
result<version_id> version_at(const record_source& from, const element& of,
                              std::uint64_t before = std::numeric_limits<std::uint64_t>::max());

/// Where a version comes from: the run that made it, the versions that this run had used before, who made
/// those, and so on; near ones first, of a run's uses the last ones first. Errors: as the source's;
/// `not_found`: there is no such version; `invalid_argument`: no such element can be.
result<graph> ancestors(const record_source& from, const version_id& of, const graph_limits& limits = {});

/// What came of a version: the runs that used it before the next WRITE or DELETE of it, what they made
/// afterwards, who used that, and so on; near ones first. Errors: as `ancestors`.
result<graph> descendants(const record_source& from, const version_id& of, const graph_limits& limits = {});

/// A shortest derivation of `to` from `from`: nodes from `to` on, with the activities in between and their
/// agents. Without nodes if there is none (`complete`) or none was found (not `complete`). Errors: as
/// `ancestors`.
result<graph> path(const record_source& source, const version_id& from, const version_id& to,
                   const graph_limits& limits = {});

/// As people read it, e.g. "wasGeneratedBy".
std::string_view to_string(relation what);
std::string_view to_string(party_role role);

} // namespace forerun::provenance
