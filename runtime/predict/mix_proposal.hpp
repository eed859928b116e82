#pragma once
#include <bit>
#include <cstdint>
#include <vector>

/// What the experts of the mix share.
namespace forerun::predict {

/// One request, as the experts see it.
struct mix_request {
  std::uint64_t first = 0;
  std::uint32_t count = 0;
  bool worth = false; ///< It missed, or it used what was prefetched: the moment to look around it.
};

enum class mix_expert : std::uint8_t { stream = 0, replay = 1, around = 2, votes = 3 };
inline constexpr std::size_t mix_experts = 4;

/// Votes and replay are both association: of an element the later of them speaks for both.
inline constexpr std::size_t mix_voices = 3;
constexpr std::size_t voice_of(mix_expert by) {
  return static_cast<std::size_t>(by == mix_expert::votes ? mix_expert::replay : by);
}

/// Sizes of the experts' context tables; a context is a number below.
inline constexpr std::uint16_t stream_contexts = 2 * 7 * 9 * 7 * 4 * 2;
inline constexpr std::uint16_t replay_contexts = 6 * 4 * 9;
inline constexpr std::uint16_t around_contexts = 2 * 5 * 4 * 3 * 3 * 2 * 2;
inline constexpr std::uint16_t votes_contexts = 4 * 4 * 6 * 2;

/// 0, 1, 2-3, 4-7, ... up to `last`.
constexpr std::uint32_t log_bucket(std::uint64_t value, std::uint32_t last) {
  const auto width = static_cast<std::uint32_t>(std::bit_width(value));
  return width < last ? width : last;
}

/// Where the experts hand in what they propose, block by block, nearest first.
class mix_bench {
public:
  /// The probability that a proposal in this context comes true.
  virtual float chance(mix_expert by, std::uint16_t context) const = 0;
  virtual bool known(std::uint64_t block) const = 0; ///< Read before, at some time.
  /// Below this chance it is not worth going on; 0 now and then, so that far contexts are learned too.
  virtual float walk_min() const = 0;
  /// `requests_ahead`: when the block is expected. Returns false if it was only written down.
  virtual bool propose(mix_expert by, std::uint16_t context, std::uint64_t block, float requests_ahead) = 0;

protected:
  ~mix_bench() = default;
};

} // namespace forerun::predict
