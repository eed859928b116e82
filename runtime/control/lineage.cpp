#include "runtime/control/lineage.hpp"
#include <absl/container/flat_hash_set.h>

namespace forerun::control {
namespace {

/// What things take on the wire, rounded up.
class room {
public:
  void add(const provenance::entry& what) {
    if (!records_.insert(what.what.position).second)
      return;
    used_ += 104 + what.what.value.size();
    if (contexts_.insert(what.who).second)
      used_ += 80 + what.who.by.vm.size() + what.who.by.program.size() + what.who.by.user.size();
  }
  void add(const provenance::read_origin& what) {
    add(what.read);
    used_ += 40 + what.name.size() + 24 * what.parts.size();
    for (const auto& part : what.parts)
      if (part.made)
        add(*part.made);
  }
  bool left() const { return used_ <= origins_bytes_max; }

private:
  absl::flat_hash_set<std::uint64_t> records_; ///< By position.
  absl::flat_hash_set<provenance::context> contexts_;
  std::size_t used_ = 0;
};

} // namespace

result<void> fit(provenance::read_origins& what) {
  room wire;
  auto oldest = what.reads.end();
  while (oldest != what.reads.begin()) {
    wire.add(*std::prev(oldest));
    if (!wire.left())
      break;
    --oldest;
  }
  if (oldest == what.reads.begin())
    return success();
  if (oldest == what.reads.end())
    return errc::overloaded;
  what.reads.erase(what.reads.begin(), oldest);
  what.complete = false;
  what.from_position = what.reads.front().read.what.position;
  return success();
}

} // namespace forerun::control
