#pragma once
#include "runtime/predict/mix_proposal.hpp"
#include <cstddef>

namespace forerun::predict {

/// Finds sequential and strided streams among interleaved requests, and proposes what comes next in them. How
/// far ahead is no parameter: it goes on while the context's chance is good enough.
class stream_expert {
public:
  static constexpr std::size_t streams_max = 256; ///< The one not used longest goes. 56 bytes each.

  /// `lead`: requests that arrive while one fetch takes place.
  void observe(const mix_request& seen, float lead, mix_bench& bench);
  /// The stream that the last request belonged to had so many requests before it.
  std::uint32_t run() const { return run_; }

private:
  struct stream {
    std::uint64_t start = 0; ///< Of the last request.
    std::uint64_t next = 0;  ///< Where it ended.
    std::uint64_t done = 0;  ///< Everything below was accepted.
    std::int64_t stride = 0; ///< Between starts, once it was seen twice; 0: sequential.
    std::int64_t delta = 0;
    std::uint64_t used = 0;
    std::uint32_t requests = 0;
    std::uint32_t blocks = 0;
    std::uint32_t count = 0; ///< Of the last request.
  };
  stream& follow(const mix_request& seen);
  void walk(stream& in, float lead, mix_bench& bench);
  void stride(stream& in, mix_bench& bench);

  std::vector<stream> streams_;
  std::uint64_t clock_ = 0;
  std::uint32_t run_ = 0;
};

} // namespace forerun::predict
