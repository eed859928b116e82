#pragma once
#include "runtime/predict/mix_proposal.hpp"

namespace forerun::predict {

/// Proposes the next 17 and the previous 6 blocks of a request that missed, in contexts that say how the
/// place was read before. `run` is how many requests the request's stream had.
void propose_around(const mix_request& seen, std::uint32_t run, mix_bench& bench);

} // namespace forerun::predict
