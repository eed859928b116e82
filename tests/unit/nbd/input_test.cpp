#include "runtime/nbd/input.hpp"
#include <algorithm>
#include <cstring>
#include <doctest/doctest.h>
#include <random>
#include <vector>

using forerun::nbd::input_buffer;

TEST_CASE("units of any size come through in one piece and in order, however the reads are cut") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    std::mt19937 random{seed};
    // A unit is its length in 4 bytes and then bytes that count up from it.
    std::vector<std::byte> stream;
    std::vector<std::uint32_t> lengths;
    for (int i = 0; i < 60; ++i) {
      const std::uint32_t length = random() % 4 == 0 ? random() % 300000 : random() % 5000;
      lengths.push_back(length);
      const auto at = stream.size();
      stream.resize(at + 4 + length);
      std::memcpy(stream.data() + at, &length, 4);
      for (std::uint32_t j = 0; j < length; ++j)
        stream[at + 4 + j] = static_cast<std::byte>(length + j);
    }
    input_buffer input;
    std::size_t sent = 0;
    std::size_t unit = 0;
    std::size_t wanted = 4;
    while (unit < lengths.size()) {
      const auto data = input.data();
      if (data.size() >= wanted) {
        std::uint32_t length = 0;
        std::memcpy(&length, data.data(), 4);
        REQUIRE(length == lengths[unit]);
        wanted = 4 + length;
        if (data.size() < wanted)
          continue;
        bool right = true;
        for (std::uint32_t j = 0; j < length; ++j)
          right = right && data[4 + j] == static_cast<std::byte>(length + j);
        REQUIRE(right);
        input.drop(wanted);
        wanted = 4;
        ++unit;
        continue;
      }
      std::size_t budget = 1 + random() % 150000;
      std::size_t filled = 0;
      for (const auto& piece : input.room(wanted)) {
        const auto count = std::min({budget, piece.iov_len, stream.size() - sent});
        std::memcpy(piece.iov_base, stream.data() + sent, count);
        sent += count;
        budget -= count;
        filled += count;
        if (count < piece.iov_len)
          break;
      }
      REQUIRE(filled > 0);
      input.filled(filled);
    }
    CHECK(sent == stream.size());
    CHECK(input.data().empty());
  }
}
