#pragma once
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace forerun::origin {

/// A child process that ends with this object.
class child {
public:
  explicit child(std::vector<std::string> words) {
    std::vector<char*> arguments;
    for (auto& word : words)
      arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      // What a server complains of when its client goes is no news here.
      ::dup2(::open("/dev/null", O_WRONLY), STDERR_FILENO);
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
  }
  child(const child&) = delete;
  child& operator=(const child&) = delete;
  ~child() { kill(); }

  void signal(int number) const { ::kill(pid_, number); }
  void kill() {
    if (pid_ <= 0)
      return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

private:
  pid_t pid_ = -1;
};

inline bool program_exists(const std::string& name) {
  for (const auto* folder : {"/usr/bin/", "/usr/sbin/", "/usr/local/bin/"})
    if (std::filesystem::exists(folder + name))
      return true;
  return false;
}

} // namespace forerun::origin
