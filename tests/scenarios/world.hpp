#pragma once
#include "runtime/predict/history.hpp"
#include "runtime/prefetch/fetch_table.hpp"
#include "runtime/prefetch/ledger.hpp"
#include "runtime/prefetch/scheduler.hpp"
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace forerun::scenarios {

/// Words behind the verb of a line: `read a 4+2 run=1` has the plain words `a`, `4+2` and the setting run.
struct words {
  std::vector<std::string> plain;
  std::map<std::string, std::string> settings;
};

/// One image and its origin: what the actors do with the cores, done in one place and in one thread. Every
/// step returns its effects, as text, in order:
///
///   prefetch #ID EXTENT   fetch #ID EXTENT     what leaves for the origin, ahead of a read or because of one
///   hit NAME              answer NAME HOW      a read is answered, at once or when its blocks are here
///   fail NAME             overloaded NAME      it ends with an error, or is refused
///   waste BLOCKS                               prefetched, and known now to have been for nothing
///
/// Steps throw std::runtime_error when a line makes no sense.
class world {
public:
  /// `window`, `waiters`, `fetches`, `ledger`, `horizon`, `credit`: each replaces a limit.
  explicit world(const std::map<std::string, std::string>& limits);

  std::vector<std::string> step(const std::string& verb, const words& line);
  /// What must hold after every step, and is broken; empty: nothing.
  std::string broken() const;
  /// What must hold at the end of a story besides: nobody waits.
  std::string unfinished() const;

private:
  struct client {
    run_id run{};
    extent where{};
    outcome how = outcome::miss;
  };
  struct open_plan {
    extent where{};
    std::size_t orders_left = 0;
    std::uint64_t bytes = 0;
    instant sent_at{};
  };
  struct open_fetch {
    extent where{};
    instant sent_at{};
    std::shared_ptr<open_plan> whole; ///< Null: demand.
  };
  class blocks_here final : public residency {
  public:
    explicit blocks_here(const world& of) : of_(of) {}
    bool absent(std::uint64_t block) const override {
      return !of_.here_.contains(block) && !of_.table_->contains(block);
    }
    std::uint64_t blocks() const override { return 1u << 20; }

  private:
    const world& of_;
  };
  /// What a demand waits for, on its way or not.
  class blocks_missing final : public residency {
  public:
    explicit blocks_missing(const world& of) : of_(of) {}
    bool absent(std::uint64_t block) const override { return !of_.here_.contains(block); }
    std::uint64_t blocks() const override { return 1u << 20; }

  private:
    const world& of_;
  };

  void begin(const words& line);
  void end(const words& line);
  void forecast_for(const words& line);
  void predict(const words& line);
  void read(const words& line);
  void arrive(const words& line);
  void fail(const words& line);
  void evict(const words& line);
  void wait(const words& line);
  void totals();

  void publish(run_id run);
  void pump();
  void send(std::span<const prefetch::order> orders, const std::shared_ptr<open_plan>& whole);
  void settle(const open_fetch& ended, bool ok);
  void say(std::string what) { said_.push_back(std::move(what)); }

  instant now_{std::chrono::hours{1}};
  std::unique_ptr<prefetch::fetch_table> table_;
  std::unique_ptr<prefetch::ledger> ledger_;
  std::unique_ptr<prefetch::scheduler> scheduler_;
  predict::history history_;
  std::set<std::uint64_t> here_;
  std::set<std::uint64_t> fresh_;
  std::map<std::uint64_t, open_fetch> open_;
  std::map<std::uint64_t, std::string> names_; ///< Of those who wait.
  std::map<std::uint64_t, client> waiting_;
  std::uint64_t next_waiter_ = 1;
  std::uint64_t plan_bytes_max_ = 0;
  std::vector<std::string> said_;
};

} // namespace forerun::scenarios
