// SPDX-License-Identifier: Apache-2.0
#include "session/key.h"
#include "report/explanation.h"

#include <doctest/doctest.h>

#include "base/canonical_json.h"

namespace dsched::session {
namespace {

// KeyParts with what they only view.
struct Parts {
  std::string_view operation;
  std::string version;
  std::string_view parameters;
  std::vector<Digest> arguments;
  std::vector<executor::InputFile> inputs;
  std::string environment;
  std::vector<std::string_view> outputs;
};

std::string key_text(const Parts& parts) {
  std::string out;
  append_key_text(out, {.operation = parts.operation,
                        .version = parts.version,
                        .parameters = parts.parameters,
                        .arguments = parts.arguments,
                        .inputs = parts.inputs,
                        .environment = parts.environment,
                        .outputs = parts.outputs});
  return out;
}

Parts shell_parts() {
  Parts parts;
  parts.operation = "shell";
  parts.version = "null";
  parts.parameters = R"({"command":"sort \"$1\""})";
  return parts;
}

Parts full_parts() {
  Parts parts = shell_parts();
  parts.operation = "exec";
  parts.version = R"(["/usr/bin/cc","00"])";
  parts.parameters = R"({"argv":["cc","-c"]})";
  parts.arguments = {sha256("one"), sha256("two"), sha256("one")};
  parts.inputs = {{"a.c", {}, sha256("a")}, {"caf\xC3\xA9\n\"x\".h", {}, sha256("b")}};
  parts.environment = R"("LANG":"C","TOKEN":{"secret":"ab"})";
  parts.outputs = {"a.o", "dir/b"};
  return parts;
}

// stored: these digests must never change, or every result in every store becomes new.
TEST_CASE("session: the key of the same node is the same for ever") {
  struct Row {
    Parts parts;
    std::string digest;
  };
  Parts constant;
  constant.operation = "const";
  constant.version = "1";
  constant.parameters = R"({"value":1})";
  const Row rows[] = {
      {shell_parts(), "8f4082f7bf211463660a6f34b3bae48b8003ee27a11e3fe186865acc91e461d4"},
      {full_parts(), "bc3c7e123bc5d48dd7b99a3a307fa14f7f296f61c79be5bf4497505d7d490546"},
      {constant, "aae00e4757f9318ae1752f600018d1c5e1975be27d9d9b0233537f922943c8f6"},
  };
  for (const Row& row : rows) CHECK(to_hex(sha256(key_text(row.parts))) == row.digest);
}

TEST_CASE("session: the text of a key names all its parts, sorted and without space") {
  CHECK(key_text(shell_parts()) ==
        R"({"arguments":[],"environment":{},"inputs":[],"operation":"shell","outputs":[],)"
        R"("parameters":{"command":"sort \"$1\""},"version":null})");
}

TEST_CASE("session: the text of a key is its own canonical form") {
  for (const Parts& parts : {shell_parts(), full_parts()}) {
    CHECK(canonical_json(key_text(parts)) == key_text(parts));
  }
}

TEST_CASE("session: whatever changes in a node changes its key") {
  std::vector<std::string> texts{key_text(full_parts())};
  const auto add = [&](auto change) {
    Parts parts = full_parts();
    change(parts);
    texts.push_back(key_text(parts));
  };
  add([](Parts& parts) { parts.operation = "shell"; });
  add([](Parts& parts) { parts.version = "null"; });
  add([](Parts& parts) { parts.parameters = "{}"; });
  add([](Parts& parts) { std::swap(parts.arguments[0], parts.arguments[1]); });
  add([](Parts& parts) { parts.arguments.pop_back(); });
  add([](Parts& parts) { parts.inputs.pop_back(); });
  add([](Parts& parts) { parts.inputs[0].path = "b.c"; });
  add([](Parts& parts) { parts.inputs[0].hash.bytes[0] ^= 1; });
  add([](Parts& parts) { parts.environment = R"("LANG":null)"; });
  add([](Parts& parts) { std::swap(parts.outputs[0], parts.outputs[1]); });
  for (std::size_t i = 0; i < texts.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) CHECK(texts[i] != texts[k]);
  }
}

template <class Change>
std::string explained(Change change) {
  Parts now = full_parts();
  change(now);
  return report::explain_difference(key_text(full_parts()), key_text(now),
                                    {"first", "second", "first"});
}

TEST_CASE("session: the first difference of two keys is explained in fixed words") {
  CHECK(explained([](Parts&) {}).empty());
  CHECK(explained([](Parts& now) { now.operation = "shell"; }) == "operation changed");
  CHECK(explained([](Parts& now) { now.parameters = R"({"argv":["cc"]})"; }) == "command changed");
  CHECK(explained([](Parts& now) { now.parameters = R"({"argv":["cc","-c"],"stdin":1})"; }) ==
        "parameter stdin changed");
  CHECK(explained([](Parts& now) { now.version = "null"; }) == "program version changed");
  CHECK(explained([](Parts& now) { now.arguments[1] = sha256("x"); }) == "argument second changed");
  CHECK(explained([](Parts& now) { now.inputs[0].hash = sha256("x"); }) == "input a.c changed");
  CHECK(explained([](Parts& now) {
          now.inputs.push_back({"z.h", {}, {}});
        }) == "input z.h appeared");
  CHECK(explained([](Parts& now) { now.inputs.erase(now.inputs.begin()); }) ==
        "input a.c disappeared");
  CHECK(explained([](Parts& now) { now.environment = R"("LANG":"de","TOKEN":{"secret":"ab"})"; }) ==
        "environment LANG changed");
  CHECK(explained([](Parts& now) { now.environment = R"("LANG":"C")"; }) ==
        "environment TOKEN changed");
  CHECK(explained([](Parts& now) { now.outputs.pop_back(); }) == "parameter outputs changed");
}

TEST_CASE("session: a changed shell command is a changed command") {
  Parts now = shell_parts();
  now.parameters = R"({"command":"sort -r \"$1\""})";
  CHECK(report::explain_difference(key_text(shell_parts()), key_text(now), {}) ==
        "command changed");
}

TEST_CASE("session: an argument more or less is a change, and never read past the names") {
  Parts now = full_parts();
  now.arguments.push_back(sha256("three"));
  const std::string before = key_text(full_parts());
  CHECK(report::explain_difference(before, key_text(now), {"a", "b", "c", "d"}) ==
        "argument d changed");
  CHECK_FALSE(report::explain_difference(before, key_text(now), {}).empty());
  CHECK_FALSE(report::explain_difference(key_text(now), before, {"a", "b", "c"}).empty());
}

TEST_CASE("session: a key text that cannot be read is explained by nothing") {
  CHECK(report::explain_difference("", key_text(shell_parts()), {}).empty());
  CHECK(report::explain_difference("{", "}", {}).empty());
  CHECK(report::explain_difference("[]", "[]", {}).empty());
  CHECK(report::explain_difference("{}", key_text(shell_parts()), {}).empty());
  CHECK(report::explain_difference(R"({"operation":1})", key_text(shell_parts()), {}) ==
        "operation changed");
}

}  // namespace
}  // namespace dsched::session
