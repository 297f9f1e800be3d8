// SPDX-License-Identifier: Apache-2.0
#include "session/makeflags.h"

#include <doctest/doctest.h>

namespace dsched::session {
namespace {

using Where = std::variant<JobDescriptors, JobFifo>;

TEST_CASE("session: the last jobserver that MAKEFLAGS names counts") {
  struct Case {
    std::string_view flags;
    Where where;
    std::optional<std::uint32_t> jobs;
  };
  const Case cases[] = {
      {" -j3 --jobserver-auth=3,4", JobDescriptors{3, 4}, 3},
      {"ks -j8 --jobserver-auth=fifo:/tmp/GMfifo1", JobFifo{"/tmp/GMfifo1"}, 8},
      {" --jobserver-fds=5,6 -j", JobDescriptors{5, 6}, std::nullopt},
      {" --jobserver-auth=fifo:/f --jobserver-auth=7,8", JobDescriptors{7, 8}, std::nullopt},
      {" -j2 --jobserver-auth=-2,-2", JobDescriptors{}, 2},
      {" -j2 --jobserver-auth=3", JobDescriptors{}, 2},
      {" -j2 --jobserver-auth=3,4x", JobDescriptors{}, 2},
      {" -j2 --jobserver-auth=3,4 -- A=--jobserver-auth=5,6", JobDescriptors{3, 4}, 2},
  };
  for (const Case& item : cases) {
    CAPTURE(item.flags);
    const auto found = jobserver_in(item.flags);
    REQUIRE(found);
    CHECK(found->where == item.where);
    CHECK(found->jobs == item.jobs);
  }
}

TEST_CASE("session: MAKEFLAGS without a jobserver names none") {
  for (const std::string_view flags :
       {"", " ", "k", " -j", " -j4", "ks -- A=1", " -- A=--jobserver-auth=3,4", "--"}) {
    CAPTURE(flags);
    CHECK_FALSE(jobserver_in(flags));
  }
}

TEST_CASE("session: what remains of MAKEFLAGS without a jobserver is as make writes it") {
  CHECK(without_jobserver(" -j3 --jobserver-auth=3,4") == "");
  CHECK(without_jobserver("ks -j3 --jobserver-auth=3,4 -- A=b\\ c") == "ks -- A=b\\ c");
  CHECK(without_jobserver(" -j3 -l2 --jobserver-auth=3,4 --trace") == " -l2 --trace");
  CHECK(without_jobserver(" -- A=-j3") == " -- A=-j3");
}

TEST_CASE("session: a jobserver stands before the definitions, instead of another one") {
  CHECK(with_jobserver("", 4, "3,4") == " -j4 --jobserver-auth=3,4");
  CHECK(with_jobserver("k", 4, "fifo:/f") == "k -j4 --jobserver-auth=fifo:/f");
  CHECK(with_jobserver("k -j9 --jobserver-auth=5,6 -- A=1", 2, "3,4") ==
        "k -j2 --jobserver-auth=3,4 -- A=1");
  CHECK(jobserver_in(with_jobserver(" -- A=1", 7, "fifo:/f"))->jobs == 7U);
}

TEST_CASE("session: a make from 4.4 on knows fifos") {
  for (const std::string_view text :
       {"GNU Make 4.4\nBuilt for", "GNU Make 4.4.1\n", "GNU Make 5.0"}) {
    CAPTURE(text);
    CHECK(knows_fifos(text));
  }
  for (const std::string_view text :
       {"GNU Make 4.3\n", "GNU Make 3.82", "GNU Make", "bmake 4.9", ""}) {
    CAPTURE(text);
    CHECK_FALSE(knows_fifos(text));
  }
}

}  // namespace
}  // namespace dsched::session
