#include "runtime/base/sha256_pair.hpp"
#if defined(__x86_64__)
#include <algorithm>
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace forerun {

#if defined(__x86_64__)
namespace {

constexpr std::size_t chunk_bytes = 64;

alignas(16) constexpr std::array<std::uint32_t, 64> round_constants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/// The end of a message with its padding: one or two chunks (FIPS 180-4, 5.1.1).
struct padded_end {
  explicit padded_end(std::span<const std::byte> message) {
    const auto rest = message.size() % chunk_bytes;
    std::copy_n(message.end() - static_cast<std::ptrdiff_t>(rest), rest, bytes.begin());
    bytes[rest] = std::byte{0x80};
    chunks = rest + 9 > chunk_bytes ? 2 : 1;
    for (std::size_t i = 0; i < 8; ++i)
      bytes[chunks * chunk_bytes - 1 - i] = static_cast<std::byte>(message.size() * 8 >> (8 * i));
  }
  std::array<std::byte, 2 * chunk_bytes> bytes{};
  std::size_t chunks = 1;
};

/// The state between two chunks, in the order that the instructions want: words a, b, e, f and c, d, g, h.
struct state {
  __m128i abef =
      _mm_set_epi32(0x6a09e667, static_cast<int>(0xbb67ae85), 0x510e527f, static_cast<int>(0x9b05688c));
  __m128i cdgh = _mm_set_epi32(0x3c6ef372, static_cast<int>(0xa54ff53a), 0x1f83d9ab, 0x5be0cd19);
};

/// One chunk on its way through the rounds.
struct chunk_work {
  __m128i abef, cdgh;
  __m128i w[4]; ///< The schedule's last 16 words.
};

#define FORERUN_SHA __attribute__((target("sha,sse4.1"), always_inline)) inline

FORERUN_SHA void four_rounds(chunk_work& it, std::size_t group) {
  const auto constants = _mm_load_si128(reinterpret_cast<const __m128i*>(round_constants.data()) + group);
  const auto words = _mm_add_epi32(it.w[group % 4], constants);
  it.cdgh = _mm_sha256rnds2_epu32(it.cdgh, it.abef, words);
  it.abef = _mm_sha256rnds2_epu32(it.abef, it.cdgh, _mm_shuffle_epi32(words, 0x0e));
}

/// Words 4 * group and on, from the 16 before them.
FORERUN_SHA void schedule(chunk_work& it, std::size_t group) {
  const auto& last = it.w[(group + 3) % 4];
  const auto sum = _mm_add_epi32(_mm_sha256msg1_epu32(it.w[group % 4], it.w[(group + 1) % 4]),
                                 _mm_alignr_epi8(last, it.w[(group + 2) % 4], 4));
  it.w[group % 4] = _mm_sha256msg2_epu32(sum, last);
}

/// `count` chunks of each of `ways` messages.
template <std::size_t ways>
__attribute__((target("sha,sse4.1"))) void compress(state* const (&of)[ways], const std::byte* (&data)[ways],
                                                    std::size_t count) {
  const auto big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  for (; count > 0; --count) {
    chunk_work work[ways];
    for (std::size_t way = 0; way < ways; ++way) {
      work[way].abef = of[way]->abef;
      work[way].cdgh = of[way]->cdgh;
      for (std::size_t i = 0; i < 4; ++i)
        work[way].w[i] =
            _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(data[way]) + i), big_endian);
      data[way] += chunk_bytes;
    }
#pragma GCC unroll 16
    for (std::size_t group = 0; group < 16; ++group) {
      if (group >= 4)
        for (auto& one : work)
          schedule(one, group);
      for (auto& one : work)
        four_rounds(one, group);
    }
    for (std::size_t way = 0; way < ways; ++way) {
      of[way]->abef = _mm_add_epi32(of[way]->abef, work[way].abef);
      of[way]->cdgh = _mm_add_epi32(of[way]->cdgh, work[way].cdgh);
    }
  }
}

/// Two runs of chunks, side by side as long as both last.
void compress_both(state& a, const std::byte* of_a, std::size_t count_a, state& b, const std::byte* of_b,
                   std::size_t count_b) {
  state* const both[] = {&a, &b};
  const std::byte* data[] = {of_a, of_b};
  const auto common = std::min(count_a, count_b);
  compress<2>(both, data, common);
  state* const longer[] = {count_a > common ? &a : &b};
  const std::byte* rest[] = {count_a > common ? data[0] : data[1]};
  compress<1>(longer, rest, std::max(count_a, count_b) - common);
}

sha256_hash hash_of(const state& it) {
  alignas(16) std::array<std::uint32_t, 4> fe_ba{}, hg_dc{};
  _mm_store_si128(reinterpret_cast<__m128i*>(fe_ba.data()), it.abef);
  _mm_store_si128(reinterpret_cast<__m128i*>(hg_dc.data()), it.cdgh);
  const std::array words = {fe_ba[3], fe_ba[2], hg_dc[3], hg_dc[2], fe_ba[1], fe_ba[0], hg_dc[1], hg_dc[0]};
  sha256_hash hash;
  for (std::size_t i = 0; i < hash.size(); ++i)
    hash[i] = static_cast<std::uint8_t>(words[i / 4] >> (24 - 8 * (i % 4)));
  return hash;
}

bool has_sha() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0 &&
         __builtin_cpu_supports("sse4.1") != 0;
}

} // namespace

std::pair<sha256_hash, sha256_hash> sha256_pair(std::span<const std::byte> a, std::span<const std::byte> b) {
  static const bool own = has_sha();
  if (!own)
    return {sha256(a), sha256(b)};
  state of_a, of_b;
  compress_both(of_a, a.data(), a.size() / chunk_bytes, of_b, b.data(), b.size() / chunk_bytes);
  const padded_end end_a{a}, end_b{b};
  compress_both(of_a, end_a.bytes.data(), end_a.chunks, of_b, end_b.bytes.data(), end_b.chunks);
  return {hash_of(of_a), hash_of(of_b)};
}

#else

std::pair<sha256_hash, sha256_hash> sha256_pair(std::span<const std::byte> a, std::span<const std::byte> b) {
  return {sha256(a), sha256(b)};
}

#endif

} // namespace forerun
