#pragma once
#include "actors/image/image.hpp"
#include "actors/tier/tier.hpp"
#include "tests/actors/stage.hpp"

/// An image's actor on a stage, and an origin that answers when a test tells it to.
namespace forerun::actors {

inline std::byte image_byte(std::uint64_t offset) {
  return static_cast<std::byte>(offset * 31 + (offset >> block_shift) * 7 + 1);
}

/// An origin that answers when it is told to.
class told_source final : public origin::source {
public:
  struct asked {
    std::uint64_t offset = 0;
    std::uint32_t length = 0;
    origin::priority how{};
    done then;
    extent where() const { return blocks_touched(offset, length); }
  };

  explicit told_source(std::uint64_t bytes) : about_{bytes, "v1"} {}
  const origin::identity& about() const override { return about_; }
  void read(std::uint64_t offset, std::uint32_t length, origin::priority how, done then) override {
    reads.push_back({offset, length, how, std::move(then)});
  }

  std::vector<asked> reads;

private:
  origin::identity about_;
};

struct given_answer {
  result<std::vector<std::byte>> bytes = errc::unavailable;
  outcome how{};
};
using answer_place = std::shared_ptr<std::optional<given_answer>>;

struct images : image_stage {
  explicit images(image_config settings = {}, std::uint64_t size = 64 * block_bytes,
                  std::uint64_t memory_blocks = 64)
      : image_stage(size, memory_blocks), source(std::make_shared<told_source>(size)),
        prefetcher(listener({role::prefetcher, 0})), tier(listener({role::tier, tier_memory})),
        log(listener({role::provenance, 0})), config(settings) {
    begin();
  }
  void begin() {
    who = keep({role::image, image.value},
               spawn_image(system, config, {plane, source, others, &workers, recorder{others, time, {}}}));
    scheduler.run();
  }

  /// A read of the image that waits; `needed` empty: for all of it.
  answer_place want(extent where, std::vector<std::uint64_t> needed = {}) {
    auto place = std::make_shared<std::optional<given_answer>>();
    auto what =
        std::make_shared<volume::demand>([place](result<std::span<const std::byte>> bytes, outcome how) {
          place->emplace();
          (*place)->how = how;
          if (bytes)
            (*place)->bytes = std::vector<std::byte>(bytes.value().begin(), bytes.value().end());
          else
            (*place)->bytes = bytes.error();
        });
    what->image = image;
    what->blocks = where;
    what->needs = [needed](std::uint64_t block) {
      return needed.empty() || std::ranges::find(needed, block) != needed.end();
    };
    tell(who, fetch_request{std::move(what)});
    return place;
  }
  /// Somebody looks into the image.
  answer_place look(extent where) {
    auto place = std::make_shared<std::optional<given_answer>>();
    auto what = std::make_shared<volume::demand>([place](result<std::span<const std::byte>> bytes, outcome) {
      place->emplace();
      (*place)->bytes = bytes ? result<std::vector<std::byte>>(
                                    std::vector<std::byte>(bytes.value().begin(), bytes.value().end()))
                              : result<std::vector<std::byte>>(bytes.error());
    });
    what->image = image;
    what->blocks = where;
    tell(who, look_request{std::move(what)});
    return place;
  }
  void move(extent where, expert by = expert::history) {
    tell(who, plan_batch{{plan{where, {.by = by, .probability = 0.9f, .planned = now()}}}});
  }
  void arrive(std::size_t which) {
    const auto& asked = source->reads.at(which);
    auto bytes = std::make_shared<std::vector<std::byte>>(asked.length);
    for (std::uint32_t i = 0; i < asked.length; ++i)
      (*bytes)[i] = image_byte(asked.offset + i);
    asked.then(origin::buffer{bytes});
    scheduler.run();
  }
  void lose(std::size_t which, errc why = errc::io_failed) {
    source->reads.at(which).then(why);
    scheduler.run();
  }
  std::vector<std::byte> bytes_of(extent where) const {
    std::vector<std::byte> bytes(where.bytes());
    for (std::size_t i = 0; i < bytes.size(); ++i)
      if (const auto offset = (where.first << block_shift) + i; offset < plane->bytes)
        bytes[i] = image_byte(offset);
    return bytes;
  }
  /// What an I/O thread does and tells of a read that finds all of it.
  void hit(extent where) {
    auto batch = std::make_shared<access_batch>();
    batch->volume = volume;
    batch->image = image;
    forerun::access entry;
    entry.where = where;
    entry.how = outcome::hit;
    entry.arrived = now();
    for (auto block = where.first; block < where.end(); ++block)
      entry.first_use_blocks += plane->map.use_first(block);
    batch->entries.push_back(entry);
    tell(who, observed{batch});
  }
  image_figures figures() { return ask<image_figures>(who, caf::get_atom_v).value(); }
  bool in_flight(std::uint64_t block) const { return plane->map.at(block).in_flight(); }

  manual_clock time;
  std::shared_ptr<told_source> source;
  heard prefetcher;
  heard tier;
  heard log;
  image_config config;
  image_actor who;
};

} // namespace forerun::actors
