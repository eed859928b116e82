#pragma once
#include <arpa/inet.h>
#include <atomic>
#include <list>
#include <mutex>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace forerun::origin {

/// A web server with one file, that can be told to misbehave. One thread for each connection.
class web_server {
public:
  enum class manner {
    well,
    no_ranges,     ///< 200 and all of it, whatever was asked.
    wrong_range,   ///< 206 with another range than was asked for.
    short_body,    ///< Closes in the middle.
    long_body,     ///< More bytes than the range has.
    no_range_head, ///< 206 without Content-Range.
    busy,          ///< 503
    gone,          ///< 404
    silent,
  };

  explicit web_server(std::string body) : body_(std::move(body)) {
    listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listening_, reinterpret_cast<sockaddr*>(&where), sizeof where);
    ::listen(listening_, 64);
    socklen_t length = sizeof where;
    ::getsockname(listening_, reinterpret_cast<sockaddr*>(&where), &length);
    port_ = ntohs(where.sin_port);
    accepting_ = std::thread([this] { accept(); });
  }
  web_server(const web_server&) = delete;
  web_server& operator=(const web_server&) = delete;
  ~web_server() {
    ::shutdown(listening_, SHUT_RDWR);
    accepting_.join();
    {
      const std::lock_guard hold(lock_);
      for (const auto& one : connections_)
        ::shutdown(one.fd, SHUT_RDWR);
    }
    for (auto& one : connections_) {
      one.thread.join();
      ::close(one.fd);
    }
    ::close(listening_);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/image"; }
  void behave(manner how) { manner_ = how; }
  void set_etag(const std::string& etag) {
    const std::lock_guard hold(lock_);
    etag_ = etag;
  }
  std::size_t connections() {
    const std::lock_guard hold(lock_);
    return connections_.size();
  }

private:
  struct connection {
    int fd = -1;
    std::thread thread;
  };

  void accept() {
    while (true) {
      const auto fd = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0)
        return;
      const std::lock_guard hold(lock_);
      connections_.push_back({fd, {}});
      connections_.back().thread = std::thread([this, fd] { serve(fd); });
    }
  }

  void serve(int fd) {
    std::string in;
    char part[4096];
    while (true) {
      const auto end = in.find("\r\n\r\n");
      if (end != std::string::npos) {
        const auto head = in.substr(0, end);
        in.erase(0, end + 4);
        if (!answer(fd, head))
          break;
        continue;
      }
      const auto got = ::recv(fd, part, sizeof part, 0);
      if (got <= 0)
        break;
      in.append(part, static_cast<std::size_t>(got));
    }
    ::shutdown(fd, SHUT_RDWR);
  }

  bool answer(int fd, const std::string& head) {
    std::string etag;
    {
      const std::lock_guard hold(lock_);
      etag = etag_;
    }
    const manner how = manner_;
    if (how == manner::silent)
      return true;
    if (how == manner::busy || how == manner::gone)
      return send(fd, std::string("HTTP/1.1 ") + (how == manner::busy ? "503 Busy" : "404 Gone") +
                          "\r\nContent-Length: 0\r\n\r\n");
    const auto tag = etag.empty() ? "" : "ETag: " + etag + "\r\n";
    const auto condition = head.find("If-Range: ");
    const auto stale = condition != std::string::npos && head.compare(condition + 10, etag.size(), etag) != 0;
    if (how == manner::no_ranges || stale)
      return send(fd, "HTTP/1.1 200 OK\r\n" + tag + "Content-Length: " + std::to_string(body_.size()) +
                          "\r\n\r\n" + body_);
    auto first = std::stoull(head.substr(head.find("Range: bytes=") + 13));
    const auto last = std::stoull(head.substr(head.find('-', head.find("Range: bytes=")) + 1));
    auto bytes = body_.substr(first, last - first + 1);
    const auto said = bytes.size() + (how == manner::long_body ? 8 : 0);
    if (how == manner::wrong_range)
      first += 1;
    const auto range = "Content-Range: bytes " + std::to_string(first) + "-" +
                       std::to_string(first + last - (how == manner::wrong_range ? first - 1 : first)) + "/" +
                       std::to_string(body_.size()) + "\r\n";
    if (how == manner::short_body)
      bytes.resize(bytes.size() / 2);
    if (how == manner::long_body)
      bytes += "12345678";
    return send(fd, "HTTP/1.1 206 Partial Content\r\n" + tag + (how == manner::no_range_head ? "" : range) +
                        "Content-Length: " + std::to_string(said) + "\r\n\r\n" + bytes) &&
           how != manner::short_body;
  }

  static bool send(int fd, const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
      const auto sent = ::send(fd, text.data() + at, text.size() - at, MSG_NOSIGNAL);
      if (sent <= 0)
        return false;
      at += static_cast<std::size_t>(sent);
    }
    return true;
  }

  std::string body_;
  std::atomic<manner> manner_ = manner::well;
  int listening_ = -1;
  std::uint16_t port_ = 0;
  std::mutex lock_;
  std::string etag_ = "\"one\"";
  std::list<connection> connections_;
  std::thread accepting_;
};

} // namespace forerun::origin
