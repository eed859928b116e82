#include "runtime/origin/pattern.hpp"
#include "runtime/origin/slow.hpp"
#include "tests/unit/origin/support.hpp"
#include <algorithm>
#include <mutex>

using namespace forerun;
using namespace forerun::origin;
using namespace std::chrono_literals;

namespace {

instant now() {
  return instant(std::chrono::steady_clock::now().time_since_epoch());
}

/// Notes in which order and when answers come.
class listener {
public:
  source::done expect(int name) {
    return [this, name](result<buffer> data) {
      const std::lock_guard hold(lock_);
      names_.push_back(name);
      times_.push_back(now());
      well_.push_back(data.has_value());
    };
  }
  bool wait(std::size_t count) {
    return eventually([&] {
      const std::lock_guard hold(lock_);
      return names_.size() >= count;
    });
  }
  std::vector<int> names() const { return names_; }
  std::vector<instant> times() const { return times_; }
  std::vector<bool> well() const { return well_; }

private:
  std::mutex lock_;
  std::vector<int> names_;
  std::vector<instant> times_;
  std::vector<bool> well_;
};

std::shared_ptr<slow_source> slowed(slowness how) {
  return std::make_shared<slow_source>(std::make_shared<pattern_source>(64u << 20, 1), how);
}

} // namespace

TEST_CASE("delays run in parallel and the link carries one answer after the other") {
  // 1 MiB at 1 Gbit/s takes 8.39 ms.
  const auto from = slowed({.delay = 10ms, .bits_per_second = 1'000'000'000});
  listener heard;
  const auto begun = now();
  for (int i = 0; i < 5; ++i)
    from->read(std::uint64_t(i) << 20, 1u << 20, priority::demand, heard.expect(i));
  REQUIRE(heard.wait(5));
  const auto times = heard.times();
  for (int i = 0; i < 5; ++i) {
    const auto ideal = 10ms + (i + 1) * 8389us;
    const auto took = times[std::size_t(i)] - begun;
    CHECK(took >= ideal - 1ms);
    CHECK(took < ideal + 5s); // Busy machines; the typical error is below 100 microseconds.
  }
  CHECK(from->passed().bytes == 5u << 20);
}

TEST_CASE("an idle link saves nothing up") {
  const auto from = slowed({.bits_per_second = 100'000'000});
  std::this_thread::sleep_for(100ms);
  const auto begun = now();
  CHECK(read_now(*from, 0, 1u << 20).has_value());
  CHECK(now() - begun >= 83ms);
}

TEST_CASE("demand passes the prefetch that is not yet on the link") {
  const auto from = slowed({.bits_per_second = 100'000'000});
  listener heard;
  for (int i = 0; i < 4; ++i)
    from->read(0, 256u << 10, priority::prefetch, heard.expect(i));
  from->read(0, 4096, priority::demand, heard.expect(9));
  REQUIRE(heard.wait(5));
  const auto order = heard.names();
  CHECK(std::find(order.begin(), order.end(), 9) <= order.begin() + 1);
}

TEST_CASE("every so-manieth request fails, and a share of them by seed") {
  const auto from = slowed({.fail_every = 3});
  std::vector<bool> well;
  for (int i = 0; i < 6; ++i)
    well.push_back(read_now(*from, 0, 4096).has_value());
  CHECK(well == std::vector<bool>{true, true, false, true, true, false});
  const auto count = [](std::uint64_t seed) {
    const auto some = slowed({.fail_share = 0.5, .seed = seed});
    std::vector<bool> out;
    for (int i = 0; i < 64; ++i)
      out.push_back(read_now(*some, 0, 512).has_value());
    return out;
  };
  CHECK(count(1) == count(1));
  CHECK(count(1) != count(2));
}

TEST_CASE("what hangs is let go when the fault is switched off") {
  const auto from = slowed({.hang = true});
  auto answer = start_read(*from, 0, 4096);
  CHECK(answer.wait_for(50ms) == std::future_status::timeout);
  from->set({});
  CHECK(wait_for(answer).has_value());
}

TEST_CASE("a slow source that ends cancels what is open") {
  auto from = slowed({.delay = 1h});
  auto answer = start_read(*from, 0, 4096);
  from.reset();
  CHECK(wait_for(answer).error() == errc::cancelled);
}
