#include "runtime/base/access.hpp"

namespace forerun {

std::string_view to_string(operation op) {
  switch (op) {
  case operation::read:
    return "READ";
  case operation::write:
    return "WRITE";
  case operation::remove:
    return "DELETE";
  case operation::execute:
    return "EXECUTE";
  case operation::prefetch:
    return "PREFETCH";
  case operation::evict:
    return "EVICT";
  case operation::allocate:
    return "ALLOCATE";
  case operation::release:
    return "RELEASE";
  }
  return "unknown";
}

std::string_view to_string(outcome how) {
  switch (how) {
  case outcome::none:
    return "none";
  case outcome::hit:
    return "hit";
  case outcome::late:
    return "late";
  case outcome::miss:
    return "miss";
  case outcome::failed:
    return "failed";
  }
  return "unknown";
}

std::string_view to_string(element_kind kind) {
  switch (kind) {
  case element_kind::block:
    return "block";
  case element_kind::key:
    return "key";
  case element_kind::page:
    return "page";
  case element_kind::file:
    return "file";
  case element_kind::connection:
    return "connection";
  case element_kind::segment:
    return "segment";
  case element_kind::resource:
    return "resource";
  case element_kind::program:
    return "program";
  case element_kind::image_block:
    return "image_block";
  }
  return "unknown";
}

} // namespace forerun
