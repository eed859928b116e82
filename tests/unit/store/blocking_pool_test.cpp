#include "runtime/store/blocking_pool.hpp"
#include <atomic>
#include <doctest/doctest.h>
#include <future>

using forerun::store::blocking_pool;

TEST_CASE("a pool refuses work past its bound and does all that it took") {
  blocking_pool pool{1, 2};
  std::promise<void> begun;
  std::promise<void> go;
  std::atomic<int> done{0};
  CHECK(pool.post([&] {
    begun.set_value();
    go.get_future().wait();
    ++done;
  }));
  begun.get_future().wait();
  CHECK(pool.post([&] { ++done; }));
  CHECK(pool.post([&] { ++done; }));
  CHECK(!pool.post([&] { ++done; }));
  go.set_value();
  pool.drain();
  CHECK(done == 3);
  CHECK(!pool.post([&] { ++done; }));
}

TEST_CASE("a pool that goes away does what waits first") {
  std::atomic<int> done{0};
  {
    blocking_pool pool{2, 100};
    for (int i = 0; i < 100; ++i)
      CHECK(pool.post([&] { ++done; }));
  }
  CHECK(done == 100);
}
