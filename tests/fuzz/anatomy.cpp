#include "runtime/anatomy/boot.hpp"
#include "runtime/anatomy/elf.hpp"
#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace forerun;
using namespace forerun::anatomy;

namespace {

void require(bool holds) {
  if (!holds)
    std::abort();
}

/// An image that is zero behind the input, so that small inputs make whole file systems.
class fuzzed_image final : public image_reader {
public:
  explicit fuzzed_image(std::span<const std::uint8_t> head) : head_(head) {}
  std::uint64_t bytes() const override { return 1 << 20; }
  result<void> read(std::uint64_t offset, std::span<std::byte> into) override {
    require(offset <= bytes() && into.size() <= bytes() - offset);
    std::fill(into.begin(), into.end(), std::byte{0});
    if (offset < head_.size())
      std::memcpy(into.data(), head_.data() + offset,
                  std::min<std::size_t>(into.size(), head_.size() - offset));
    return success();
  }

private:
  std::span<const std::uint8_t> head_;
};

} // namespace

// Whatever the image: no crash, an end, and all that is said of it lies within it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzzed_image image({data, size});
  const limits bounds{.bytes_read_max = 8 << 20,
                      .reads_max = 4000,
                      .files_max = 1000,
                      .entries_max = 2000,
                      .pieces_max = 20'000};
  const auto read = map_files(image, bounds);
  if (!read)
    return 0;
  const auto& map = read.value();
  std::uint64_t end = 0;
  for (const auto& each : map.pieces()) {
    require(each.length > 0 && each.offset >= end && each.offset + each.length <= image.bytes());
    end = each.offset + each.length;
    require(each.file == no_file || each.file < map.files());
  }
  for (file_id file = 0; file < map.files(); ++file) {
    require(!map.path(file).empty());
    // A file that says it is huge is still small.
    if (const auto facts = read_elf(map, image, file))
      require(facts.value().loaded_bytes <= map[file].bytes && facts.value().needed.size() <= 512);
  }
  if (const auto prior = boot_prior(map, image, bounds))
    for (const auto& each : prior.value())
      require(each.where.count > 0 && each.where.end() <= image.bytes() / block_bytes &&
              each.detail < boot_reasons && each.probability > 0 && each.probability < 1);
  return 0;
}
