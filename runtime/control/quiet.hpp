#pragma once
#include <functional>
#include <kj/exception.h>
#include <string>

namespace forerun::control {

/// Inside runtime/control only; lives on a thread's stack. Keeps KJ from writing to stderr, and from starting
/// a debugger's tool for each exception that a peer's bad bytes cause.
class quiet_kj final : public kj::ExceptionCallback {
public:
  explicit quiet_kj(std::function<void(std::string)> log) : log_(std::move(log)) {}

  void logMessage(kj::LogSeverity severity, const char*, int, int, kj::String&& text) override {
    if (log_ && severity >= kj::LogSeverity::WARNING)
      log_(std::string(text.cStr(), text.size()));
  }
  StackTraceMode stackTraceMode() override { return StackTraceMode::NONE; }

private:
  std::function<void(std::string)> log_;
};

} // namespace forerun::control
