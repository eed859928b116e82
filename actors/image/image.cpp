#include "actors/image/image.hpp"
#include "actors/common/errors.hpp"
#include "actors/common/time.hpp"
#include "actors/tier/tier.hpp"
#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <cstring>
#include <set>

namespace forerun::actors {

namespace {

constexpr auto tick_interval = std::chrono::seconds{1};
/// Looks at the image that wait at once; one more is refused.
constexpr std::size_t looks_max = 64;

/// What a demand found missing when it looked.
class missing_blocks final : public residency {
public:
  missing_blocks(extent where, std::vector<bool> missing) : where_(where), missing_(std::move(missing)) {}
  bool absent(std::uint64_t block) const override { return missing_[block - where_.first]; }
  std::uint64_t blocks() const override { return where_.end(); }

private:
  extent where_;
  std::vector<bool> missing_;
};

struct image_state {
  static inline const char* name = "forerun.image";

  struct waiting {
    std::shared_ptr<volume::demand> what;
    std::vector<std::byte> bytes;
    outcome how = outcome::miss;
  };

  /// A plan, until all that it was cut into is here.
  struct open_plan {
    extent where{};
    std::size_t orders_left = 0;
    std::uint64_t bytes = 0;
    instant sent_at{};
  };
  struct open_fetch {
    extent where{};
    instant sent_at{};
    std::uint64_t bytes = 0;
    std::shared_ptr<open_plan> whole; ///< Null: demand.
  };

  image_state(image_actor::pointer me, image_config settings, image_parts given)
      : self(me), config(settings), parts(std::move(given)), table(config.fetches),
        ledger(config.ledger_entries_max, config.waste_horizon) {
    // A predecessor that crashed may have left marks of fetches that nobody waits for.
    for (std::uint64_t block = 0; block < parts.plane->blocks(); ++block)
      if (parts.plane->map.at(block).in_flight())
        parts.plane->map.mark_in_flight(block, false);
    tell_prefetcher(fetches_forgotten{parts.plane->id});
  }

  image_actor::behavior_type make_behavior() {
    self->delayed_send(self, tick_interval, tick_atom_v);
    return {
        [this](const fetch_request& request) {
          fetch(request.what);
          tell_proof();
        },
        [this](const look_request& request) { look(request.what); },
        [this](const observed& seen) {
          settle(*seen.batch);
          tell_proof();
        },
        [this](const origin_answer& answer) { receive(answer.id, *answer.data); },
        [this](const plan_batch& batch) { carry_out(batch.plans); },
        [this](const evicted& gone) { waste(gone.blocks, prefetch::settlement::evicted); },
        [this](record_atom) { parts.log.hand_over(); },
        [this](tick_atom) {
          self->delayed_send(self, tick_interval, tick_atom_v);
          for (const auto block : ledger.expire(now(self)))
            parts.plane->map.use_first(block);
          report();
        },
        [this](caf::get_atom) {
          figures.prefetched = ledger.totals();
          figures.waiting = table.waiters();
          return figures;
        },
        [this](why_atom, std::uint64_t block) -> caf::result<prefetch::ledger_entry> {
          if (const auto entry = ledger.why(block))
            return *entry;
          return actors::fail(errc::not_found);
        },
    };
  }

  void fetch(const std::shared_ptr<volume::demand>& what) {
    waiting entry{what, std::vector<std::byte>(what->blocks.bytes()), outcome::late};
    // Only this actor makes blocks local, so what is missing now stays missing until `want` has seen it.
    std::vector<std::uint64_t> first_uses;
    const auto missing = copy_local(entry, first_uses);
    const prefetch::waiter_id who{next_waiter++};
    const auto found = table.want(who, what->blocks, missing_blocks{what->blocks, missing});
    if (!found) {
      for (const auto block : first_uses)
        parts.plane->map.mark_fresh(block);
      what->answer(found.error(), outcome::failed);
      return;
    }
    const auto& wanted = found.value();
    for (const auto piece : wanted.late)
      for (auto block = piece.first; block < piece.end(); ++block)
        use(ledger.late(block, now(self)));
    // With nothing missing all of it arrived on the way from the I/O thread to here; otherwise these were
    // found, and the read waits for others.
    for (const auto block : first_uses)
      use(wanted.missing == 0 ? ledger.late(block, now(self)) : ledger.hit(block, now(self)));
    if (wanted.missing == 0) {
      what->answer(std::span<const std::byte>{entry.bytes}, outcome::late);
      return;
    }
    entry.how = wanted.how;
    const auto unforeseen = blocks_in(wanted.orders);
    figures.demand_blocks += unforeseen;
    missed_blocks += static_cast<std::uint32_t>(unforeseen);
    waiters.emplace(who.value, std::move(entry));
    send(wanted.orders);
  }

  /// Fills in what is local, and tells what is not, and what of it was prefetched and is read for the first
  /// time.
  std::vector<bool> copy_local(waiting& entry, std::vector<std::uint64_t>& first_uses) {
    const auto where = entry.what->blocks;
    std::vector<bool> missing(where.count);
    for (std::uint32_t i = 0; i < where.count; ++i) {
      const auto block = where.first + i;
      if (!entry.what->needs(block))
        continue;
      const auto into = std::span{entry.bytes}.subspan(std::size_t{i} << block_shift).first<block_bytes>();
      missing[i] = !parts.plane->copy(block, into);
      if (!missing[i] && parts.plane->map.use_first(block))
        first_uses.push_back(block);
    }
    return missing;
  }

  /// Behind all demand, as every prefetch: what a program reads later of it is a hit, and what none does is
  /// waste.
  void look(const std::shared_ptr<volume::demand>& what) {
    if (looks.size() >= looks_max) {
      what->answer(errc::overloaded, outcome::failed);
      return;
    }
    const plan wanted{what->blocks,
                      {.by = expert::static_analysis,
                       .tier = prefetch_tier::background,
                       .planned = now(self),
                       .deadline = now(self)}};
    carry_out({&wanted, 1});
    looks.push_back(what);
    settle_looks();
  }

  /// Those of which nothing is on its way any more. What is not local then could not be had.
  void settle_looks() {
    std::erase_if(looks, [this](const auto& each) {
      for (auto block = each->blocks.first; block < each->blocks.end(); ++block)
        if (table.contains(block))
          return false;
      each->answer(copied(each->blocks), outcome::none);
      return true;
    });
  }

  result<std::span<const std::byte>> copied(extent where) {
    looked_at.resize(where.bytes());
    for (std::uint32_t i = 0; i < where.count; ++i)
      if (!parts.plane->copy(
              where.first + i,
              std::span{looked_at}.subspan(std::size_t{i} << block_shift).first<block_bytes>()))
        return errc::unavailable;
    return std::span<const std::byte>{looked_at};
  }

  void carry_out(std::span<const plan> plans) {
    for (const auto& item : plans) {
      const auto admitted = table.admit({&item, 1}, *parts.plane);
      if (admitted.orders.empty()) {
        tell_prefetcher(plan_done{parts.plane->id, item.where, 0, now(self)});
        continue;
      }
      for (const auto& piece : admitted.plans)
        ledger.planned(piece.where, item.why);
      moved_blocks += blocks_in(admitted.orders);
      const auto whole =
          std::make_shared<open_plan>(open_plan{item.where, admitted.orders.size(), 0, now(self)});
      send(admitted.orders, whole);
    }
  }

  void send(std::span<const prefetch::order> orders, const std::shared_ptr<open_plan>& whole = nullptr) {
    for (const auto& order : orders) {
      for (auto block = order.where.first; block < order.where.end(); ++block)
        parts.plane->map.mark_in_flight(block, true);
      const auto offset = order.where.first << block_shift;
      const auto length = std::min(order.where.bytes(), parts.plane->bytes - offset);
      open[order.id.value] = {order.where, now(self), length, whole};
      figures.origin_bytes += length;
      if (!whole)
        tell_prefetcher(demand_sent{parts.plane->id, length});
      parts.source->read(
          offset, static_cast<std::uint32_t>(length),
          order.demand ? origin::priority::demand : origin::priority::prefetch,
          [me = caf::actor_cast<image_actor>(self), id = order.id](result<origin::buffer> data) {
            caf::anon_send(me, origin_answer{id, std::make_shared<result<origin::buffer>>(std::move(data))});
          });
    }
  }

  void receive(prefetch::fetch_id id, const result<origin::buffer>& data) {
    const auto found = open.extract(id.value);
    if (found.empty())
      return; // Asked for by a predecessor of this actor.
    const auto& fetch = found.mapped();
    if (data)
      arrive(id, *data.value());
    else
      fail(id, data.error());
    if (!fetch.whole) {
      tell_prefetcher(demand_done{parts.plane->id, fetch.bytes, data.has_value(), fetch.sent_at});
      return;
    }
    record(fetch, data.has_value());
    if (data)
      fetch.whole->bytes += fetch.bytes;
    if (--fetch.whole->orders_left == 0)
      tell_prefetcher(
          plan_done{parts.plane->id, fetch.whole->where, fetch.whole->bytes, fetch.whole->sent_at});
  }

  void record(const open_fetch& what, bool ok) {
    access done;
    done.arrived = what.sent_at;
    done.latency = now(self) - what.sent_at;
    done.where = what.where;
    done.bytes = ok ? static_cast<std::uint32_t>(what.bytes) : 0;
    done.op = operation::prefetch;
    done.how = ok ? outcome::none : outcome::failed;
    if (parts.log.add(parts.plane->id, done))
      self->delayed_send(self, recorder::age_max, record_atom_v);
  }

  void arrive(prefetch::fetch_id id, std::span<const std::byte> data) {
    const auto arrival = table.arrived(id).value();
    const auto where = arrival.where;
    // The image's last block may be short; the rest of it is zero.
    std::vector<std::byte> padded;
    if (data.size() < where.bytes()) {
      padded.assign(data.begin(), data.end());
      padded.resize(where.bytes());
      data = padded;
    }
    bool all_in_memory = true;
    for (std::uint32_t i = 0; i < where.count; ++i) {
      const auto block = where.first + i;
      if (!arrival.demand && !arrival.read_already[i])
        parts.plane->map.mark_fresh(block);
      all_in_memory &= publish(block, data.subspan(std::size_t{i} << block_shift).first<block_bytes>());
    }
    const admitted here{parts.plane->id, where, !arrival.demand};
    parts.others->tell<tier_actor>({role::tier, tier_memory}, here);
    keep_on_disk(here, data, !all_in_memory);
    for (auto block = where.first; block < where.end(); ++block)
      parts.plane->map.mark_in_flight(block, false);
    answer(arrival, data);
    settle_looks();
  }

  bool publish(std::uint64_t block, std::span<const std::byte, block_bytes> data) {
    const auto slot = parts.plane->memory.take();
    if (!slot)
      return false;
    std::memcpy(parts.plane->memory.at(*slot).data(), data.data(), block_bytes);
    if (!parts.plane->map.publish(block, *slot))
      parts.plane->memory.put_back(*slot);
    return true;
  }

  /// Writing to the local disk may take its time, so it is left to a worker, unless memory had no room and
  /// the block would be nowhere in between. A full or failing disk only means that nothing is kept there.
  void keep_on_disk(const admitted& here, std::span<const std::byte> data, bool at_once) {
    auto keep = [disk = parts.plane->disk, others = parts.others, here](std::span<const std::byte> bytes) {
      const auto kept = disk->put(here.where, bytes);
      if (kept)
        others->tell<tier_actor>({role::tier, tier_disk}, here);
      else if (kept.error() == errc::no_space)
        others->tell<prefetcher_actor>({role::prefetcher, 0}, storage_full{here.image});
    };
    if (at_once) {
      keep(data);
      return;
    }
    auto copy = std::make_shared<std::vector<std::byte>>(data.begin(), data.end());
    parts.workers->post([keep, copy] { keep(*copy); });
  }

  void answer(const prefetch::fetch_table::arrival& arrival, std::span<const std::byte> data) {
    for (const auto& [who, complete] : arrival.waiters) {
      auto& entry = waiters.at(who.value);
      const auto mine = entry.what->blocks;
      const auto first = std::max(mine.first, arrival.where.first);
      const auto end = std::min(mine.end(), arrival.where.end());
      std::memcpy(entry.bytes.data() + ((first - mine.first) << block_shift),
                  data.data() + ((first - arrival.where.first) << block_shift), (end - first) << block_shift);
      if (!complete)
        continue;
      const auto done = std::move(entry);
      waiters.erase(who.value);
      done.what->answer(std::span<const std::byte>{done.bytes}, done.how);
    }
  }

  void fail(prefetch::fetch_id id, errc code) {
    ++figures.origin_errors;
    const auto failure = table.failed(id).value();
    for (auto block = failure.where.first; block < failure.where.end(); ++block)
      if (!table.contains(block))
        parts.plane->map.mark_in_flight(block, false);
    if (!failure.demand)
      ledger.failed(failure.where, now(self));
    for (const auto who : failure.failed) {
      const auto entry = waiters.extract(who.value);
      if (!entry.empty())
        entry.mapped().what->answer(code, outcome::failed);
    }
    send(failure.again);
    settle_looks();
  }

  /// What was moved early and is written whole before anybody read it was moved for nothing. With several
  /// volumes on the image another one may still read it. Of a write that does not fill its blocks the first
  /// and the last may be written in part.
  void overwrite(const access& entry) {
    if (volumes.size() > 1)
      return;
    const std::uint64_t edge = entry.bytes == entry.where.bytes() ? 0 : 1;
    const auto end = std::min(entry.where.end() - edge, parts.plane->blocks());
    for (auto block = entry.where.first + edge; block < end; ++block)
      if (parts.plane->map.at(block).fresh()) {
        parts.plane->map.use_first(block);
        ledger.wasted(block, prefetch::settlement::overwritten, now(self));
      }
  }

  /// The first read of a prefetched block is a hit.
  void settle(const access_batch& batch) {
    volumes.insert(batch.volume);
    for (const auto& entry : batch.entries) {
      if (entry.op != operation::read) {
        overwrite(entry);
        continue;
      }
      if (entry.first_use_blocks > 0)
        for (auto block = entry.where.first; block < std::min(entry.where.end(), parts.plane->blocks());
             ++block)
          if (!parts.plane->map.at(block).fresh())
            use(ledger.hit(block, entry.arrived));
      if (entry.how == outcome::late || entry.how == outcome::miss)
        stalled += entry.latency;
    }
  }

  void use(const std::optional<reason>& why) {
    if (!why)
      return;
    for (auto& [other, blocks] : used)
      if (other.by == why->by) {
        ++blocks;
        return;
      }
    used.emplace_back(*why, 1);
  }

  void waste(std::span<const std::uint64_t> blocks, prefetch::settlement how) {
    for (const auto block : blocks) {
      parts.plane->map.use_first(block);
      ledger.wasted(block, how, now(self));
    }
  }

  /// Tells the prefetcher which of its experts were right, and what none of them knew.
  void tell_proof() {
    if (!used.empty() || missed_blocks > 0)
      tell_prefetcher(proved{parts.plane->id, std::exchange(used, {}), std::exchange(missed_blocks, 0)});
  }

  /// Tells the prefetcher how its plans fared since the last time.
  void report() {
    const auto& totals = ledger.totals();
    settled what{parts.plane->id, {}};
    what.fared = {tick_interval, std::min<nanos>(std::exchange(stalled, {}), tick_interval),
                  std::exchange(moved_blocks, 0), totals.waste - std::exchange(reported_waste, totals.waste)};
    tell_prefetcher(what);
  }

  template <class Message> void tell_prefetcher(Message&& what) {
    parts.others->tell<prefetcher_actor>({role::prefetcher, 0}, std::forward<Message>(what));
  }

  static std::uint64_t blocks_in(std::span<const prefetch::order> orders) {
    std::uint64_t blocks = 0;
    for (const auto& order : orders)
      blocks += order.where.count;
    return blocks;
  }

  image_actor::pointer self;
  image_config config;
  image_parts parts;
  prefetch::fetch_table table;
  prefetch::ledger ledger;
  absl::flat_hash_map<std::uint64_t, waiting> waiters; ///< Bounded by the table.
  absl::flat_hash_map<std::uint64_t, open_fetch> open; ///< One for each fetch of the table.
  std::vector<std::shared_ptr<volume::demand>> looks;  ///< At most `looks_max`.
  std::vector<std::byte> looked_at;                    ///< What the last of them was answered.
  std::set<volume_id> volumes; ///< That touched the image; bounded by the node's volumes.
  std::uint64_t next_waiter = 1;
  image_figures figures;
  std::vector<std::pair<reason, std::uint32_t>> used; ///< In this message; one for each expert.
  nanos stalled{0};
  std::uint32_t missed_blocks = 0;
  std::uint64_t moved_blocks = 0;
  std::uint64_t reported_waste = 0;
};

} // namespace

image_actor spawn_image(caf::actor_system& system, image_config config, image_parts parts) {
  return system.spawn<image_actor::stateful_impl<image_state>>(config, std::move(parts));
}

} // namespace forerun::actors
