#include "runtime/origin/http.hpp"
#include "runtime/origin/demand_queue.hpp"
#include "runtime/origin/http_reply.hpp"
#include <algorithm>
#include <curl/curl.h>
#include <fmt/format.h>
#include <mutex>
#include <thread>

namespace forerun::origin {
namespace {

constexpr std::size_t requests_waiting_max = 65536; ///< More are refused with `overloaded`.

struct easy_closer {
  void operator()(CURL* handle) const { ::curl_easy_cleanup(handle); }
};
struct multi_closer {
  void operator()(CURLM* handle) const { ::curl_multi_cleanup(handle); }
};
struct list_closer {
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};
using easy = std::unique_ptr<CURL, easy_closer>;

/// One request under way and its connection's handle, which is used again.
struct transfer {
  easy handle;
  http_reply reply;
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
  buffer data;
  std::size_t received = 0;
  source::done then;
  bool busy = false;
};

std::size_t take_header(char* text, std::size_t one, std::size_t count, void* to) {
  static_cast<transfer*>(to)->reply.take({text, one * count});
  return one * count;
}

/// Refuses bytes of a reply that is not the range, so that nobody sends us a whole image in vain.
std::size_t take_body(char* bytes, std::size_t one, std::size_t count, void* to) {
  auto& into = *static_cast<transfer*>(to);
  const auto size = one * count;
  if (into.reply.status != 206 || size > into.length - into.received)
    return 0;
  std::copy_n(reinterpret_cast<const std::byte*>(bytes), size, into.data->data() + into.received);
  into.received += size;
  return size;
}

void prepare(transfer& one, const std::string& url, const source_options& options, curl_slist* headers) {
  const auto ms = [](nanos time) {
    return static_cast<long>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
  };
  auto* handle = one.handle.get();
  ::curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  ::curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  ::curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  ::curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 1L);
  ::curl_easy_setopt(handle, CURLOPT_MAXREDIRS, http_redirects_max);
  ::curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  ::curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  ::curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, ms(options.connect_max));
  // Slower than a byte in a second for so long counts as silence.
  ::curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  ::curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, std::max(1L, ms(options.answer_max) / 1000));
  ::curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
  ::curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &take_header);
  ::curl_easy_setopt(handle, CURLOPT_HEADERDATA, &one);
  ::curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &take_body);
  ::curl_easy_setopt(handle, CURLOPT_WRITEDATA, &one);
  ::curl_easy_setopt(handle, CURLOPT_PRIVATE, &one);
}

void ask(transfer& one, std::uint64_t offset, std::uint32_t length) {
  one.reply = {};
  one.offset = offset;
  one.length = length;
  one.received = 0;
  one.data = std::make_shared<std::vector<std::byte>>(length);
  const auto range = fmt::format("{}-{}", offset, offset + length - 1);
  ::curl_easy_setopt(one.handle.get(), CURLOPT_RANGE, range.c_str());
}

class http_source final : public source {
public:
  http_source(std::string url, identity about, const std::string& condition, const source_options& options)
      : url_(std::move(url)), about_(std::move(about)), multi_(::curl_multi_init()),
        transfers_(std::max<std::size_t>(options.http_connections_max, 1)) {
    if (!condition.empty())
      headers_.reset(::curl_slist_append(nullptr, ("If-Range: " + condition).c_str()));
    for (auto& one : transfers_) {
      one.handle.reset(::curl_easy_init());
      prepare(one, url_, options, headers_.get());
    }
    thread_ = std::thread([this] { run(); });
  }

  ~http_source() override {
    {
      const std::lock_guard hold(lock_);
      ending_ = true;
    }
    ::curl_multi_wakeup(multi_.get());
    thread_.join();
  }

  const identity& about() const override { return about_; }

  void read(std::uint64_t offset, std::uint32_t length, priority how, done then) override {
    {
      const std::lock_guard hold(lock_);
      if (waiting_.size() < requests_waiting_max) {
        waiting_.push(how, {offset, length, std::move(then)});
        then = nullptr;
      }
    }
    if (then)
      return then(errc::overloaded);
    ::curl_multi_wakeup(multi_.get());
  }

private:
  struct request {
    std::uint64_t offset = 0;
    std::uint32_t length = 0;
    done then;
  };

  void run() {
    while (begin_waiting()) {
      int running = 0;
      ::curl_multi_perform(multi_.get(), &running);
      if (!collect())
        ::curl_multi_poll(multi_.get(), nullptr, 0, 1000, nullptr);
    }
    for (auto& one : transfers_)
      if (one.busy) {
        ::curl_multi_remove_handle(multi_.get(), one.handle.get());
        one.then(errc::cancelled);
      }
    for (auto next = take_waiting(); next; next = take_waiting())
      next->then(errc::cancelled);
  }

  std::optional<request> take_waiting() {
    const std::lock_guard hold(lock_);
    return waiting_.pop();
  }

  /// Starts what there are connections for. False: it is time to end.
  bool begin_waiting() {
    for (auto& one : transfers_) {
      if (one.busy)
        continue;
      std::optional<request> next;
      {
        const std::lock_guard hold(lock_);
        if (ending_)
          return false;
        next = waiting_.pop();
      }
      if (!next)
        return true;
      one.then = std::move(next->then);
      one.busy = true;
      ask(one, next->offset, next->length);
      ::curl_multi_add_handle(multi_.get(), one.handle.get());
    }
    const std::lock_guard hold(lock_);
    return !ending_;
  }

  /// Answers what is finished; false when nothing was.
  bool collect() {
    bool any = false;
    int left = 0;
    while (const auto* message = ::curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE)
        continue;
      const auto code = message->data.result;
      transfer* one = nullptr;
      ::curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &one);
      ::curl_multi_remove_handle(multi_.get(), one->handle.get());
      any = true;
      one->busy = false;
      const auto then = std::exchange(one->then, nullptr);
      then(outcome_of(*one, code));
    }
    return any;
  }

  result<buffer> outcome_of(transfer& one, CURLcode code) const {
    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && one.reply.status != 206)) {
      if (const auto fault = fault_of(one.reply, about_, one.offset, one.length, one.received))
        return *fault;
      return std::move(one.data);
    }
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return errc::timed_out;
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return errc::unavailable;
    default:
      return errc::io_failed;
    }
  }

  std::string url_;
  identity about_;
  std::unique_ptr<curl_slist, list_closer> headers_;
  std::unique_ptr<CURLM, multi_closer> multi_;
  std::vector<transfer> transfers_;

  std::mutex lock_;
  demand_queue<request> waiting_;
  bool ending_ = false;
  std::thread thread_;
};

/// What If-Range may carry: a strong ETag or a time.
std::string condition_of(const http_reply& reply) {
  if (!reply.etag.empty())
    return reply.etag.starts_with("W/") ? "" : reply.etag;
  return reply.modified;
}

} // namespace

opened open_http(const std::string& url, const source_options& options) {
  static std::once_flag once;
  std::call_once(once, [] { ::curl_global_init(CURL_GLOBAL_DEFAULT); });

  transfer first;
  first.handle.reset(::curl_easy_init());
  prepare(first, url, options, nullptr);
  ask(first, 0, 1);
  ::curl_easy_setopt(first.handle.get(), CURLOPT_TIMEOUT_MS,
                     static_cast<long>(options.connect_max / std::chrono::milliseconds{1}));
  const auto code = ::curl_easy_perform(first.handle.get());
  const auto& reply = first.reply;
  if (reply.status == 0)
    return trouble{
        code == CURLE_OPERATION_TIMEDOUT ? errc::timed_out : errc::unavailable,
        fmt::format("{}: {}; check the address and that the server runs", url, ::curl_easy_strerror(code))};
  if (reply.status == 200)
    return trouble{
        errc::unsupported,
        fmt::format("{}: the server sends no ranges; use one that does, or a copy in a file", url)};
  const auto range = parse_content_range(reply.range);
  if (reply.status != 206 || code != CURLE_OK || !range || range->first != 0 || range->last != 0)
    return trouble{
        reply.status == 404 ? errc::not_found : errc::io_failed,
        fmt::format("{}: the server answers {} to a request for its first byte; give the URL of an "
                    "image that is not empty",
                    url, reply.status)};
  return std::shared_ptr<source>(std::make_shared<http_source>(url, identity{range->total, reply.validator()},
                                                               condition_of(reply), options));
}

} // namespace forerun::origin
