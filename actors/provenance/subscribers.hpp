#pragma once
#include "actors/common/protocols.hpp"
#include "runtime/store/blocking_pool.hpp"
#include <map>

namespace forerun::actors {

inline constexpr std::size_t subscribers_max = 64;
/// What a subscriber may grant in all; more is cut off.
inline constexpr std::uint32_t credit_max = 1024;
/// Who follows the log hears of what comes after so long: together, since each look at it costs.
inline constexpr std::chrono::milliseconds news_pause{5};

/// Who is told of the log's records. Part of the provenance actor, on its thread; the log is read on the
/// workers', a bounded piece at a time.
class subscribers {
public:
  subscribers(provenance_actor::pointer self, provenance::log& log, store::blocking_pool& workers)
      : self_(self), log_(log), workers_(workers) {}

  /// Errors: `overloaded`.
  result<subscribed> add(const subscribe& what);
  void grant(const actors::grant& what);
  void pulled(const records_pulled& what);
  /// Something was appended.
  void appended();
  void news();
  void gone(const caf::down_msg& who);

private:
  struct subscriber {
    caf::actor who;
    std::shared_ptr<provenance::subscription> reader; ///< The worker's, while one looks.
    std::shared_ptr<const provenance::log_view> view; ///< What it reads; none yet at first.
    std::uint32_t credit = 0;
    std::size_t rows_max = provenance::batch_rows_max;
    bool pulling = false;
  };
  using subscriptions = std::map<std::uint64_t, subscriber>;

  void look(std::uint64_t id, subscriber& it);
  void tell(subscriptions::iterator it, std::shared_ptr<const provenance::batch> what);

  provenance_actor::pointer self_;
  provenance::log& log_;
  store::blocking_pool& workers_;
  subscriptions all_;
  std::uint64_t next_ = 1;
  bool news_due_ = false;
};

} // namespace forerun::actors
