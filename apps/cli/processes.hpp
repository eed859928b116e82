#pragma once
#include <string>
#include <sys/types.h>
#include <vector>

namespace forerun::cli {

/// A program that this one started, and ends.
class process {
public:
  /// Starts it with its output in a file. It ends with this program, whatever happens to it. Throws
  /// std::system_error when it cannot be started.
  process(const std::vector<std::string>& command, const std::string& output);
  ~process();
  process(const process&) = delete;
  process& operator=(const process&) = delete;

  bool running();
  /// Asks it to end and waits; returns its exit code, or -1 if a signal ended it.
  int end();

private:
  pid_t id_ = -1;
  int code_ = -1;
};

/// The folder of the program that runs.
std::string program_folder();

} // namespace forerun::cli
