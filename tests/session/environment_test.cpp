// SPDX-License-Identifier: Apache-2.0
#include "session/environment.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/digest.h"

namespace dsched::session {
namespace {

using Lines = std::vector<std::string>;

const Lines k_variables{"PATH=/bin", "HOME=/home/ann", "LC_TIME=de", "LANG=C",
                        "TZ=UTC",    "TOKEN=hush",     "ODD=\xFF",   "=x",
                        "noequals",  "EMPTY=",         "EQ=a=b"};

std::string keyed(const Environment& environment, const dag::Settings& settings) {
  std::string room;
  return std::string(environment.keyed(settings, room));
}

TEST_CASE("session: LANG, LC_* and TZ are keyed for every node, PATH for none") {
  CHECK(keyed(Environment(k_variables, "secret"), {}) == R"("LANG":"C","LC_TIME":"de","TZ":"UTC")");
}

TEST_CASE("session: what a node sets or names is keyed, sorted, its own value first") {
  dag::Settings settings;
  settings.environment = {{"LANG", "fr"}, {"NEW", "1\n"}};
  settings.environment_from = {"EQ", "GONE", "ODD"};
  CHECK(keyed(Environment(k_variables, "secret"), settings) ==
        R"("EQ":"a=b","GONE":null,"LANG":"fr","LC_TIME":"de","NEW":"1\n",)"
        R"("ODD":{"base64":"/w=="},"TZ":"UTC")");
}

TEST_CASE("session: of a secret only a keyed hash is keyed, different in every store") {
  dag::Settings settings;
  settings.secret_environment = {"TOKEN"};
  const std::string one = keyed(Environment(k_variables, "one"), settings);
  CHECK(one.find(R"("TOKEN":{"secret":")" + to_hex(hmac_sha256("one", "hush")) + "\"}") !=
        std::string::npos);
  CHECK(one.find("hush") == std::string::npos);
  CHECK(one != keyed(Environment(k_variables, "two"), settings));
}

Lines sorted(const CommandEnvironment& of) {
  Lines lines(of.shared.begin(), of.shared.end());
  lines.insert(lines.end(), of.own.begin(), of.own.end());
  std::sort(lines.begin(), lines.end());
  return lines;
}

TEST_CASE("session: a command sees the caller's variables, then its node's, then dsched's") {
  const Environment environment({"A=1", "B=2", "DSCHED_STORE=outer", "DSCHED_FORMAT=json"}, "");
  dag::Settings settings;
  settings.environment = {{"B", "mine"}, {"C", ""}};
  CHECK(sorted(environment.for_command(settings, {{"DSCHED_STORE", "inner"}})) ==
        Lines{"A=1", "B=mine", "C=", "DSCHED_FORMAT=json", "DSCHED_STORE=inner"});
}

TEST_CASE("session: nodes that set nothing share the caller's variables, not dsched's") {
  const Environment environment({"A=1", "DSCHED_NODE_ID=outer"}, "");
  const CommandEnvironment one = environment.for_command({}, {{"DSCHED_NODE_ID", "one"}});
  const CommandEnvironment two = environment.for_command({}, {{"DSCHED_NODE_ID", "two"}});
  CHECK(sorted(one) == Lines{"A=1", "DSCHED_NODE_ID=one"});
  CHECK(sorted(two) == Lines{"A=1", "DSCHED_NODE_ID=two"});
  CHECK(one.shared.data() == two.shared.data());
}

TEST_CASE("session: a command that is executed directly sees what its shell would pass on") {
  const Environment environment({"A=1", "B%=2", "PWD=/elsewhere"}, "");
  const auto direct = environment.for_direct_command({}, {{"DSCHED_NODE_ID", "one"}}, "/");
  REQUIRE(direct);
  CHECK(sorted(*direct) == Lines{"A=1", "DSCHED_NODE_ID=one", "PWD=/"});
}

TEST_CASE("session: a node's PATH is where its executable is searched") {
  dag::Settings settings;
  CHECK(Environment({"PATH=/x"}, "").search_path(settings) == "/x");
  CHECK(Environment({}, "").search_path(settings) == "/usr/local/bin:/usr/bin:/bin");
  settings.environment = {{"PATH", "/own"}};
  CHECK(Environment({"PATH=/x"}, "").search_path(settings) == "/own");
}

TEST_CASE("session: a variable is found by its whole name only") {
  const Environment environment(k_variables, "");
  CHECK(environment.get("EQ") == "a=b");
  CHECK(environment.get("EMPTY") == "");
  CHECK_FALSE(environment.get("E"));
  CHECK_FALSE(environment.get(""));
  CHECK_FALSE(environment.get("noequals"));
}

}  // namespace
}  // namespace dsched::session
