#include "runtime/nbd/handshake.hpp"
#include "tests/unit/nbd/memory_device.hpp"
#include "tests/unit/nbd/wire.hpp"
#include <cstdlib>

/// A client says anything, in pieces of any size. What the server answers must be well formed.

using namespace forerun;
using namespace forerun::nbd;

namespace {

exports_map& names() {
  static exports_map made;
  if (made.list().empty())
    for (const std::string name : {"", "a", "b"})
      made.add(std::make_shared<memory_device>(
          export_info{.name = name, .description = "disk", .bytes = 4096, .read_only = name == "b"}));
  return made;
}

void demand(bool holds) {
  if (!holds)
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2)
    return 0;
  // The first byte chooses the listener, the second how the input is cut.
  handshake talk{{}, names(), data[0] % 2 == 0 ? std::nullopt : std::optional<std::string>{"a"}};
  const std::size_t piece = data[1] == 0 ? size : data[1];
  const std::span<const std::byte> input{reinterpret_cast<const std::byte*>(data) + 2, size - 2};
  std::vector<std::byte> said;
  std::size_t begin = 0;
  for (std::size_t end = 0; end < input.size() && talk.now() == handshake::state::talking;) {
    end = std::min(input.size(), end + piece);
    while (talk.now() == handshake::state::talking) {
      const auto held = input.subspan(begin, end - begin);
      const auto taken = talk.take(held, said);
      demand(taken <= held.size() && (taken > 0 || talk.wanted() > held.size()));
      begin += taken;
      if (taken == 0)
        break;
    }
  }
  demand((talk.now() == handshake::state::agreed) == (talk.chosen() != nullptr));
  // EXPORT_NAME's answer has no header; it is the last.
  if (talk.now() != handshake::state::agreed)
    wire::option_answers(said);
  return 0;
}
