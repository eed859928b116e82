#include "runtime/trace/reader.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using trace::format;

namespace {

struct touch {
  std::int64_t at_ns;
  bool timed;
  operation op;
  std::string name; ///< Of the volume or key.
  std::uint64_t offset;
  std::uint32_t bytes;
  bool operator==(const touch&) const = default;
};

struct read_disk {
  explicit read_disk(std::string_view text, trace::reader_options options = {}) : in(options) {
    const auto keep = [this](const trace::row& row) {
      rows.push_back({row.at_ns, row.timed, row.op,
                      std::string(row.kind == element_kind::block ? row.volume : row.name), row.offset,
                      row.bytes});
    };
    ok = in.feed(text, keep).has_value() && in.end(keep).has_value();
  }
  trace::reader in;
  std::vector<touch> rows;
  bool ok = false;
};

} // namespace

TEST_CASE("of blkparse's events only the request as it was made counts, and its sums are no rows") {
  const read_disk got("  8,0    3        1     0.000000000   697  Q   R 223490 + 8 [cat]\n"
                      "  8,0    3        2     0.000001829   697  G   R 223490 + 8 [cat]\n"
                      "  8,0    3        3     0.500000000   697  Q  WS 16 + 16 [cat]\n"
                      "  8,0    3        4     0.600000000   697  Q  FN [cat]\n"
                      "CPU0 (8,0):\n Reads Queued:           1,        4KiB\n");
  CHECK(got.ok);
  CHECK(got.in.what() == format::blkparse);
  CHECK(got.rows == std::vector<touch>{{0, true, operation::read, "8,0", 223490 * 512, 4096},
                                       {500'000'000, true, operation::write, "8,0", 8192, 8192}});
  CHECK(got.in.rows_broken() == 0);
}

TEST_CASE("fio's version 3 has microseconds, version 2 has no times") {
  const read_disk three("fio version 3 iolog\n0 /dev/sda add\n0 /dev/sda open\n7 /dev/sda read 4096 8192\n"
                        "9 /dev/sda write 0 512\n10 /dev/sda close\n");
  CHECK(three.in.what() == format::fio);
  CHECK(three.rows == std::vector<touch>{{7000, true, operation::read, "/dev/sda", 4096, 8192},
                                         {9000, true, operation::write, "/dev/sda", 0, 512}});
  const read_disk two("fio version 2 iolog\n/dev/sda add\n/dev/sda trim 0 4096\n/dev/sda jump 0 0\n");
  CHECK(two.rows == std::vector<touch>{{1, false, operation::remove, "/dev/sda", 0, 4096}});
  CHECK(two.in.rows_broken() == 1);
}

TEST_CASE("MSR's times are those of Windows, with names of columns or without") {
  const read_disk got("128166372003061629,hm,1,Read,383496192,32768,113736\n"
                      "128166372016382155,hm,1,Write,2822144,4096,23736\n");
  CHECK(got.in.what() == format::msr);
  REQUIRE(got.rows.size() == 2);
  CHECK(got.rows[0] == touch{1172163600306162900, true, operation::read, "hm_1", 383496192, 32768});
  CHECK(read_disk("Timestamp,Hostname,DiskNumber,Type,Offset,Size,ResponseTime\n"
                  "128166372003061629,hm,1,Read,383496192,32768,113736\n")
            .rows == std::vector{got.rows[0]});
}

TEST_CASE("SPC counts sectors and seconds") {
  const read_disk got("0,303567,3584,w,0.000000\n1,55590,3072,R,0.026214\n");
  CHECK(got.in.what() == format::spc);
  CHECK(got.rows == std::vector<touch>{{0, true, operation::write, "0", 303567 * 512, 3584},
                                       {26'214'000, true, operation::read, "1", 55590 * 512, 3072}});
}

TEST_CASE("vscsi knows reads by the SCSI command, wherever its columns stand") {
  const read_disk got("ts,sn,len,nSG,cmd,ver,lbn\n5,1,4096,1,40,2,8\n6,2,512,1,42,2,0\n7,3,512,1,53,2,0\n");
  CHECK(got.in.what() == format::vscsi);
  CHECK(got.rows == std::vector<touch>{{5000, true, operation::read, "disk", 4096, 4096},
                                       {6000, true, operation::write, "disk", 0, 512}});
  CHECK(got.in.rows_broken() == 1);
}

TEST_CASE("libCacheSim's objects are keys") {
  const read_disk got("time,obj_id,obj_size\n1700000000,abc,77\n");
  CHECK(got.in.what() == format::libcachesim);
  CHECK(got.rows == std::vector<touch>{{1'700'000'000'000'000'000, true, operation::read, "abc", 0, 77}});
}

TEST_CASE("a map of columns reads any table, with names above it or without") {
  const auto map = trace::parse_columns("time=3:ms,op=1,offset=2:sectors,length=4,volume=5").value();
  for (const std::string_view names : {"", "op,lba,when,bytes,disk\n"}) {
    const read_disk got(std::string(names) + "W, 8 ,5,512,d0\nX,8,5,512,d0\n", {.columns = map});
    CHECK(got.rows == std::vector<touch>{{5'000'000, true, operation::write, "d0", 4096, 512}});
    CHECK(got.in.rows_broken() == 1);
  }
  const read_disk keys("a\nb\n", {.columns = trace::parse_columns("key=1").value()});
  CHECK(keys.rows ==
        std::vector<touch>{{0, false, operation::read, "a", 0, 0}, {1, false, operation::read, "b", 0, 0}});
}

TEST_CASE("a map of columns that cannot be a request is refused") {
  for (const std::string_view text :
       {"", "time=1", "offset=1", "offset=1,length=2,key=3", "key=0", "key=65", "key=1:us", "time=1:h,key=2",
        "length=1", "offset=1:blocks,length=2", "colour=1,key=2", "key=1,"}) {
    CAPTURE(text);
    CHECK(trace::parse_columns(text).error() == errc::invalid_argument);
  }
}

TEST_CASE("what is past the limits is a broken row in every format") {
  const trace::reader_limits small{.length_bytes_max = 4096, .offset_bytes_max = 1 << 20};
  CHECK(read_disk("0,1,8192,w,0.0\n0,4096,512,w,0.0\n0,1,512,w,1e300\n0,1,0,w,0\n", {.limits = small})
            .in.rows_broken() == 4);
  CHECK(read_disk("fio version 2 iolog\nf read 18446744073709551615 4096\nf read 0 9999999999\n",
                  {.limits = small})
            .in.rows_broken() == 2);
}
