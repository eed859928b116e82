#include "runtime/trace/trace.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using trace::action;

TEST_CASE("a recording is read row by row, with or without a header") {
  const auto read = trace::parse("ts_us,volume,op,offset_bytes,length_bytes\n"
                                 "0,alpha,R,0,512\n"
                                 "10,alpha,W,4096,8192\r\n"
                                 "10,beta,F,0,0\n"
                                 "12,alpha,D,8192,4096\n"
                                 "13,alpha,Z,0,4096")
                        .value();
  CHECK(read.volumes == std::vector<std::string>{"alpha", "beta"});
  CHECK(read.rows_broken == 0);
  CHECK(read.entries == std::vector<trace::entry>{{0, 0, 512, 0, action::read},
                                                  {10, 4096, 8192, 0, action::write},
                                                  {10, 0, 0, 1, action::flush},
                                                  {12, 8192, 4096, 0, action::trim},
                                                  {13, 0, 4096, 0, action::zero}});
  CHECK(read.bytes_needed() == 12288);
  CHECK(trace::parse("5,a,R,0,1\n").value().entries.size() == 1);
  CHECK(trace::parse("").value().entries.empty());
}

TEST_CASE("broken rows are left out, counted and named by number and fault") {
  const auto read = trace::parse("0,a,R,0,512\n"
                                 "1,a,R,0\n"
                                 "1,a,Q,0,512\n"
                                 "-1,a,R,0,512\n"
                                 "1,a,R,99999999999999999999,512\n"
                                 "1,a,R,0,4294967295\n"
                                 "1,a,R,0,0\n"
                                 "1,,R,0,512\n"
                                 "1,a,R,0,512,7\n"
                                 "2,a,R,0,\x01\x02\n")
                        .value();
  CHECK(read.entries.size() == 1);
  CHECK(read.rows_broken == 9);
  REQUIRE(read.problems.size() == 8);
  CHECK(read.problems[0] == "row 2: not 5 columns: '1,a,R,0'");
  CHECK(read.problems[1] == "row 3: no such operation: 'Q'");
  CHECK(read.problems[2] == "row 4: no time: '-1'");
}

TEST_CASE("text that is nothing but broken rows is refused") {
  CHECK(trace::parse("hello\n").error() == errc::invalid_argument);
  CHECK(trace::parse("ts_us,volume,op,offset_bytes,length_bytes\n").value().entries.empty());
}

TEST_CASE("time never runs backwards") {
  const auto read = trace::parse("10,a,R,0,1\n5,a,R,1,1\n11,a,R,2,1\n").value();
  CHECK(read.rows_disordered == 1);
  CHECK(read.entries[1].at_us == 10);
  CHECK(read.entries[2].at_us == 11);
}

TEST_CASE("the limits hold") {
  CHECK(trace::parse("0,a,R,0,1\n0,a,R,0,1\n0,a,R,0,1\n", {.entries_max = 2}).error() == errc::out_of_range);
  const auto few = trace::parse("0,a,R,0,1\n0,b,R,0,1\n", {.volumes_max = 1}).value();
  CHECK(few.volumes.size() == 1);
  CHECK(few.rows_broken == 1);
}
