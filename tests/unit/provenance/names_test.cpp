#include "runtime/provenance/element_names.hpp"
#include "tests/unit/provenance/record_list.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::provenance;

namespace {

void born(record_list& log, extent where, const std::string& name, outcome how = outcome::none) {
  log.add(1, operation::allocate, where, how);
  log.all.back().what.value = name;
}

std::string name_of(name_finder& in, extent where) {
  return in.name_of(element_kind::block, 1, where).value();
}

} // namespace

TEST_CASE("an element has the name under which it came into being last") {
  record_list log;
  born(log, {5, 1}, "old");
  log.write(1, {5, 1});
  born(log, {5, 1}, "new");
  born(log, {6, 1}, "never", outcome::failed);
  born(log, {10, 4}, "disk");
  name_finder names{log, 100};
  CHECK(name_of(names, {5, 1}) == "new");
  CHECK(name_of(names, {6, 1}) == "");
  CHECK(name_of(names, {11, 2}) == "disk");
  CHECK(name_of(names, {13, 2}) == ""); // Only a part of it is named so.
  CHECK(name_of(names, {4, 2}) == "");
  CHECK(name_of(names, {4, 1}) == "");
  CHECK(name_of(names, {5, 2}) == "");
  CHECK(name_of(names, {5, 1}) == "new");
  CHECK(names.name_of(element_kind::key, 1, {5, 1}).value() == "");
  CHECK(names.name_of(element_kind::block, 2, {5, 1}).value() == "");
}

TEST_CASE("names cost so many lookups as they may, and elements that share a name one") {
  record_list log;
  born(log, {10, 4}, "disk");
  born(log, {20, 1}, "other");
  name_finder names{log, 2};
  CHECK(name_of(names, {10, 1}) == "disk");
  CHECK(name_of(names, {13, 1}) == "disk");
  CHECK(name_of(names, {30, 1}) == "");
  CHECK(name_of(names, {30, 1}) == "");
  CHECK(name_of(names, {20, 1}) == "");
  CHECK(name_of(names, {11, 1}) == "disk");
}

TEST_CASE("graphs and origins are given names") {
  record_list log;
  born(log, {10, 4}, "disk");
  log.write(1, {11, 1});
  log.read(2, {11, 1});
  log.write(2, {30, 1});
  name_finder names{log, 100};
  auto all = ancestors(log, {{element_kind::block, 1, 30}, 3}).value();
  add_names(all, names);
  std::vector<std::string> got;
  for (const auto& node : all.nodes)
    if (const auto* it = std::get_if<entity>(&node))
      got.push_back(it->name);
  CHECK(got == std::vector<std::string>{"", "disk"});
  auto met = origins_of(log, {}).value();
  add_names(met, names);
  REQUIRE(met.reads.size() == 1);
  CHECK(met.reads[0].name == "disk");
}
