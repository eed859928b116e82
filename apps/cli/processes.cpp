#include "apps/cli/processes.hpp"
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace forerun::cli {

process::process(const std::vector<std::string>& command, const std::string& output) {
  std::vector<char*> arguments;
  for (const auto& word : command)
    arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const auto parent = getpid();
  id_ = fork();
  if (id_ < 0)
    throw std::system_error(errno, std::generic_category(), "fork");
  if (id_ > 0)
    return;
  // Only calls that are safe after fork, up to exec.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent)
    _exit(127);
  setpgid(0, 0); // An interrupt at the terminal is for this program, which ends its children in order.
  const int file = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file >= 0) {
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
  }
  execv(arguments[0], arguments.data());
  _exit(127);
}

process::~process() {
  end();
}

bool process::running() {
  if (id_ < 0)
    return false;
  int status = 0;
  if (waitpid(id_, &status, WNOHANG) != id_)
    return true;
  code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  id_ = -1;
  return false;
}

int process::end() {
  if (id_ < 0)
    return code_;
  kill(id_, SIGTERM);
  int status = 0;
  while (waitpid(id_, &status, 0) < 0 && errno == EINTR) {
  }
  code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  id_ = -1;
  return code_;
}

std::string program_folder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
}

} // namespace forerun::cli
