#include "runtime/trace/json_line.hpp"
#include "runtime/trace/reader.hpp"
#include "runtime/trace/text.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using trace::format;

namespace {

/// A row with texts of its own.
struct kept_row : trace::row {
  explicit kept_row(const trace::row& from)
      : trace::row(from), texts{std::string{from.name}, std::string{from.volume}, std::string{from.program},
                                std::string{from.user}, std::string{from.value}} {}
  std::array<std::string, 5> texts;
  const std::string& element() const { return texts[0]; }
  const std::string& disk() const { return texts[1]; }
  const std::string& what() const { return texts[2]; }
  const std::string& who() const { return texts[3]; }
  const std::string& said() const { return texts[4]; }
};

struct read_text {
  explicit read_text(std::string_view text, trace::reader_options options = {}, std::size_t step = 1u << 20)
      : in(options) {
    const auto keep = [this](const trace::row& each) { rows.emplace_back(each); };
    for (; !text.empty() && ok; text.remove_prefix(std::min(step, text.size())))
      ok = in.feed(text.substr(0, step), keep).has_value();
    ok = ok && in.end(keep).has_value();
  }
  trace::reader in;
  std::vector<kept_row> rows;
  bool ok = true;
};

} // namespace

TEST_CASE("requests to disks become touches of bytes, and a flush touches nothing") {
  const read_text got(
      "ts_us,volume,op,offset_bytes,length_bytes\n"
      "7,alpha,R,512,1024\n8,alpha,W,4096,4096\n9,alpha,F,0,0\n10,alpha,D,0,4096\r\n11,b,Z,0,1\n");
  CHECK(got.in.what() == format::block);
  REQUIRE(got.rows.size() == 4);
  CHECK(got.in.rows() == 5);
  CHECK(got.in.rows_idle() == 1);
  CHECK(got.rows[0].at_ns == 7000);
  CHECK(got.rows[0].timed);
  CHECK(got.rows[0].offset == 512);
  CHECK(got.rows[0].bytes == 1024);
  CHECK(got.rows[0].disk() == "alpha");
  CHECK(got.rows[1].op == operation::write);
  CHECK(got.rows[2].op == operation::remove);
  CHECK(got.rows[3].op == operation::remove);
  CHECK(got.rows[3].kind == element_kind::block);
}

TEST_CASE("requests to a store become touches of keys") {
  const read_text got("ts_ms,op,key,size,client\n3,get,k1,12903,PHONE\n4,SET,\"a,\"\"b\",0,\n5,del,k1,0,x\n");
  CHECK(got.in.what() == format::kv);
  REQUIRE(got.rows.size() == 3);
  CHECK(got.rows[0].at_ns == 3'000'000);
  CHECK(got.rows[0].kind == element_kind::key);
  CHECK(got.rows[0].element() == "k1");
  CHECK(got.rows[0].bytes == 12903);
  CHECK(got.rows[0].who() == "PHONE");
  CHECK(got.rows[0].latency == nanos{0});
  CHECK(got.rows[1].op == operation::write);
  CHECK(got.rows[1].element() == "a,\"b");
  CHECK(got.rows[2].op == operation::remove);
}

TEST_CASE("an event is a touch of its resource by its user") {
  const read_text got(
      "ts_ms,user,event_type,resource,bytes\n"
      "804571201000,u1,GET,/a,6245\n804571202000,u1,POST,/a,0\n1,u2,app:7,fn:1,3\n2,u2,T,,0\n");
  CHECK(got.in.what() == format::events);
  REQUIRE(got.rows.size() == 3);
  CHECK(got.rows[0].at_ns == 804571201000'000'000);
  CHECK(got.rows[0].kind == element_kind::resource);
  CHECK(got.rows[0].who() == "u1");
  CHECK(got.rows[0].what() == "GET");
  CHECK(got.rows[0].bytes == 6245);
  CHECK(got.rows[1].op == operation::write);
  CHECK(got.rows[2].op == operation::read);
  CHECK(got.in.rows_idle() == 1);
}

TEST_CASE("a query is executed under its own name, with a date or without any time") {
  const read_text got(
      "{\"_\":\"one JSON object per line\"}\n"
      "{\"ts\": \"2010-05-27 20:08:16\", \"id\": 1233, \"title\": \"t\", \"sql\": \"SELECT\\n1\"}\n"
      "{\"path\": \"q/2.sql\", \"text\": \"SELECT \\\"\\u00fc\\ud83d\\ude00\\\"\"}\n"
      "{\"more\": [1, {\"x\": \"]\"}], \"sql\": \"SELECT 3\"}\n");
  CHECK(got.in.what() == format::sql);
  REQUIRE(got.rows.size() == 3);
  CHECK(got.rows[0].element() == "sql:1233");
  CHECK(got.rows[0].said() == "SELECT\n1");
  CHECK(got.rows[0].op == operation::execute);
  CHECK(got.rows[0].kind == element_kind::program);
  CHECK(got.rows[0].timed);
  CHECK(got.rows[0].at_ns == 1274990896'000'000'000);
  CHECK(got.rows[1].element() == "sql:q/2.sql");
  CHECK(got.rows[1].said() == "SELECT \"\u00fc\U0001f600\"");
  CHECK_FALSE(got.rows[1].timed);
  CHECK(got.rows[1].at_ns == 1);
  CHECK(got.rows[2].element().size() == 20);
}

TEST_CASE("a request to a model is its execution, with what it took") {
  const read_text got("gmt_create,predict_type,predict_status,exec_time_seconds,groupId,prompt_length,"
                      "negative_prompt_length,num_images_per_prompt,num_inference_steps,"
                      "checkpoint_model_version_id,num_lora\n"
                      "2024-11-15 16:57:50,TXT_2_IMG,SUCCEED,32.5,G0000,63.0,26.0,1.0,30.0,M0000,0\n"
                      "2024-11-15 16:57:51,TXT_2_IMG,FAILED,,G0001,,,,,M0001,0\n"
                      "2024-11-15 16:57:52,TXT_2_IMG,PENDING,,G0001,,,,,,0\n");
  CHECK(got.in.what() == format::requests);
  REQUIRE(got.rows.size() == 2);
  CHECK(got.rows[0].latency == std::chrono::milliseconds{32500});
  CHECK(got.rows[0].element() == "M0000");
  CHECK(got.rows[0].who() == "G0000");
  CHECK(got.rows[0].what() == "TXT_2_IMG");
  CHECK(got.rows[0].op == operation::execute);
  CHECK(got.rows[1].how == outcome::failed);
  CHECK(got.in.rows_idle() == 1);
}

TEST_CASE("a pod comes into being with what it asks for, runs, and goes") {
  const read_text got("name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,"
                      "deletion_time,scheduled_time\n"
                      "pod-0,12000,16384,1,1000,,LS,Running,5,20,7\npod-1,1,2,0,0,,BE,Pending,6,,\n");
  CHECK(got.in.what() == format::pods);
  REQUIRE(got.rows.size() == 6);
  CHECK(got.in.rows() == 2);
  CHECK(got.rows[0].op == operation::allocate);
  CHECK(got.rows[0].said() == "pod-0");
  CHECK(got.rows[1].op == operation::write);
  CHECK(got.rows[1].said() == "cpu_milli=12000 memory_mib=16384 num_gpu=1 gpu_milli=1000");
  CHECK(got.rows[2].op == operation::execute);
  CHECK(got.rows[2].at_ns == 7'000'000'000);
  CHECK(got.rows[3].op == operation::release);
  CHECK(got.rows[3].at_ns == 20'000'000'000);
  CHECK(got.rows[5].op == operation::write);
}

TEST_CASE("what is no time is no time: ordinals are counted in ones") {
  const read_text got("ts_ms,op,key,size,client\n12,get,a,0,\n", {.ordinal = true});
  REQUIRE(got.rows.size() == 1);
  CHECK(got.rows[0].at_ns == 12);
  CHECK_FALSE(got.rows[0].timed);
}

TEST_CASE("it does not matter where the pieces of a text end") {
  const std::string text = "ts_ms,op,key,size,client\r\n1,get,k1,1,\n\n2,get,\"k,2\",2,c\n3,get,k3,3,";
  for (std::size_t step = 1; step < text.size(); ++step) {
    const read_text got(text, {}, step);
    REQUIRE(got.rows.size() == 3);
    CHECK(got.rows[1].element() == "k,2");
    CHECK(got.rows[2].bytes == 3);
    CHECK(got.in.lines() == 5);
  }
}

TEST_CASE("broken rows are left out, counted and named by line and fault") {
  const read_text got("ts_ms,op,key,size,client\n1,get,k,0,\n-1,get,k,0,\n1,dance,k,0,\n1,get,,0,\n1,get,k\n"
                      "1,get,k,4294967296,\n1,get,k,0,\x1b[2J\n1,get,\"k,0,\n");
  CHECK(got.rows.size() == 1);
  CHECK(got.in.rows_broken() == 7);
  REQUIRE(got.in.problems().size() == 7);
  CHECK(got.in.problems()[0].line == 3);
  CHECK(got.in.problems()[0].why == "no time: '-1'");
  CHECK(got.in.problems()[1].why == "no such operation: 'dance'");
  CHECK(got.in.problems()[3].why == "3 columns where 5 are needed: '1,get,k'");
  CHECK(got.in.problems()[5].why == "no label: '?[2J'");
}

TEST_CASE("a line without end takes no memory without end") {
  const std::string long_line(10'000, 'x');
  const read_text got("ts_ms,op,key,size,client\n" + long_line + "\n1,get,k,0,\n" + long_line,
                      {.limits = {.line_bytes_max = 100}}, 64);
  CHECK(got.rows.size() == 1);
  CHECK(got.in.rows_broken() == 2);
  CHECK(got.in.problems()[0].why == "longer than 100 bytes");
}

TEST_CASE("a text of no known format is refused, as is one of another format than was said") {
  const read_text hello("hello\nworld\n");
  CHECK_FALSE(hello.ok);
  CHECK(hello.in.refusal() == "its first line names the columns of no known format: 'hello'");
  const read_text other("ts_ms,op,key,size,client\n", {.as = format::block});
  CHECK_FALSE(other.ok);
  CHECK(other.in.refusal() == "its columns are those of kv");
  CHECK_FALSE(read_text("{}\n", {.as = format::kv}).ok);
  CHECK(read_text("").ok);
}

TEST_CASE("columns are found by their names, and by their places when the format was said") {
  const read_text moved("client,key,op,ts_ms,size,more\nc,k,get,1,2,3\n");
  REQUIRE(moved.rows.size() == 1);
  CHECK(moved.rows[0].element() == "k");
  const read_text bare("1,a,R,0,512\n", {.as = format::block});
  REQUIRE(bare.rows.size() == 1);
  CHECK(bare.rows[0].bytes == 512);
}

TEST_CASE("JSON that is no single flat object is no row") {
  for (const auto* text :
       {"{", "{}}", "{\"a\" 1}", "{\"a\":}", "{\"a\":\"\\q\"}", "{\"a\":\"\\ud800\\u0041\"}", "{\"a\":\"x",
        "[]", "{\"a\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}", "{\"a\":nope}", "{\"a\":1 \"b\":2}"}) {
    trace::json_line line;
    CHECK_FALSE_MESSAGE(line.read(text, [](auto, auto) {}), text);
  }
  trace::json_line line;
  CHECK(line.read(R"( {"a":-1.5e3, "b":true,"c":null,"d":{"e":["\"}"]}} )", [](auto, auto) {}));
}

TEST_CASE("a date is a day that there is") {
  std::int64_t ns = 0;
  CHECK(trace::date("1970-01-02", ns));
  CHECK(ns == 86'400'000'000'000);
  CHECK(trace::date("1969-12-31T23:59:59Z", ns));
  CHECK(ns == -1'000'000'000);
  for (const auto* text : {"", "2010", "2010-02-30", "2010-01-01 24:00:00", "2010-01-01 10", "2010-01-01x",
                           "9999-01-01", "2010-01-01 10:00:00+1"})
    CHECK_FALSE_MESSAGE(trace::date(text, ns), text);
}
