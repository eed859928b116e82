#include "apps/cli/drawing.hpp"
#include <cerrno>
#include <cstdio>
#include <memory>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace forerun::cli {
namespace {

using file = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

control::failure cannot(std::string what) {
  return {errc::io_failed, std::move(what), "try --format dot, and draw that elsewhere"};
}

/// Runs it with these files as its input and output; its exit code, or -1.
int run_dot(std::FILE* in, std::FILE* out, int& error) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, ::fileno(in), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, ::fileno(out), STDOUT_FILENO);
  char program[] = "dot";
  char format[] = "-Tsvg";
  char* arguments[] = {program, format, nullptr};
  pid_t child = -1;
  error = ::posix_spawnp(&child, program, &files, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0)
    return -1;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

} // namespace

control::answer<std::string> draw_svg(const std::string& dot) {
  const file in{std::tmpfile(), std::fclose};
  const file out{std::tmpfile(), std::fclose};
  if (!in || !out || std::fwrite(dot.data(), 1, dot.size(), in.get()) != dot.size() ||
      std::fflush(in.get()) != 0)
    return cannot("there is no room for temporary files");
  std::rewind(in.get());
  int error = 0;
  const auto code = run_dot(in.get(), out.get(), error);
  if (error == ENOENT)
    return control::failure{errc::unsupported, "GraphViz is not installed, which draws SVG",
                            "install the package graphviz, or use --format dot"};
  if (code != 0)
    return cannot("GraphViz could not draw the graph");
  std::string svg;
  std::rewind(out.get());
  char part[65536];
  while (const auto count = std::fread(part, 1, sizeof part, out.get()))
    svg.append(part, count);
  return svg;
}

} // namespace forerun::cli
