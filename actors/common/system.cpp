#include "actors/common/system.hpp"

namespace forerun::actors {

void init_types() {
  caf::init_global_meta_objects<caf::id_block::forerun>();
  caf::core::init_global_meta_objects();
}

} // namespace forerun::actors
