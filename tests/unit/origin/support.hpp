#pragma once
#include "runtime/origin/origin.hpp"
#include <chrono>
#include <doctest/doctest.h>
#include <future>
#include <thread>

/// Helpers for tests of sources.
namespace forerun::origin {

inline std::future<result<buffer>> start_read(source& from, std::uint64_t offset, std::uint32_t length,
                                              priority how = priority::demand) {
  auto promise = std::make_shared<std::promise<result<buffer>>>();
  auto answer = promise->get_future();
  from.read(offset, length, how, [promise](result<buffer> data) { promise->set_value(std::move(data)); });
  return answer;
}

inline result<buffer> wait_for(std::future<result<buffer>>& answer) {
  REQUIRE(answer.wait_for(std::chrono::seconds{20}) == std::future_status::ready);
  return answer.get();
}

inline result<buffer> read_now(source& from, std::uint64_t offset, std::uint32_t length,
                               priority how = priority::demand) {
  auto answer = start_read(from, offset, length, how);
  return wait_for(answer);
}

/// Waits until `holds`, up to ten seconds.
template <class F> bool eventually(F holds) {
  for (int i = 0; i < 1000; ++i) {
    if (holds())
      return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  return false;
}

} // namespace forerun::origin
