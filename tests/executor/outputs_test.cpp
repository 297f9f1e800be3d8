// SPDX-License-Identifier: Apache-2.0
#include "executor/outputs.h"

#include <doctest/doctest.h>

using namespace dsched;
using namespace dsched::executor;
using Kind = FolderEntry::Kind;

namespace {

const std::vector<FolderEntry> k_entries{
    {"a", Kind::folder, {}, ""},        {"a.b", Kind::file, {sha256("x"), 1}, ""},
    {"a/empty", Kind::folder, {}, ""},  {"a/tool", Kind::executable, {sha256(""), 0}, ""},
    {"link", Kind::link, {}, "a/tool"},
};

std::string entry_text(std::string_view body) {
  std::string text("dsched folder 1\0", 16);
  return text.append(body);
}

}  // namespace

TEST_CASE("executor: a manifest is read back as it was written") {
  const std::string text = to_manifest(k_entries);
  const auto entries = folder_from_manifest(text);
  REQUIRE(entries);
  REQUIRE(entries->size() == k_entries.size());
  CHECK(to_manifest(*entries) == text);
  CHECK((*entries)[4].link_text == "a/tool");
  CHECK((*entries)[3].kind == Kind::executable);
}

TEST_CASE("executor: the bytes of a manifest never change") {
  CHECK(to_hex(sha256(to_manifest(k_entries))) ==
        "a968c9743ab730a749c4b59dc4ebc9676d4a492f42aeb3719174da45c513c212");
  CHECK(to_manifest({}) == std::string("dsched folder 1\0", 16));
}

TEST_CASE("executor: a manifest cut anywhere or with a changed byte never passes for another") {
  const std::string text = to_manifest(k_entries);
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    const auto entries = folder_from_manifest(std::string_view(text).substr(0, cut));
    // A cut between entries is a manifest of fewer; nothing else may be read.
    if (entries) CHECK(to_manifest(*entries) == text.substr(0, cut));
  }
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    const auto entries = folder_from_manifest(changed);
    if (entries) CHECK(to_manifest(*entries) == changed);
  }
}

TEST_CASE("executor: a manifest that would lead out of its folder is refused") {
  const std::string_view bodies[] = {
      {"d ..\0", 5},     {"d a/..\0", 7}, {"l /etc\0x\0", 9},         {"d a//b\0", 7},
      {"d .\0", 4},      {"d \0", 3},     {"l a/b\0x\0", 8},          {"d b\0d a\0", 8},
      {"d a\0d a\0", 8}, {"l a\0\0", 5},  {"l a\0x\0l a/b\0y\0", 15}, {"q a\0", 4},
      {"f 01 \0", 6},
  };
  for (const std::string_view body : bodies) {
    CAPTURE(body);
    CHECK_FALSE(folder_from_manifest(entry_text(body)));
  }
  CHECK(folder_from_manifest(entry_text({"d a\0d a/b\0", 10})));
}

TEST_CASE("executor: the digest of a node without outputs is the hash of its result's hash") {
  const Digest result = sha256("hello\n");
  Sha256 expected;
  expected.update(result);
  CHECK(node_digest(result, {}) == expected.finish());
}

TEST_CASE("executor: the bytes of a digest never change") {
  const std::vector<OutputRecord> outputs{
      {"out/a.o", FileKind::regular, true, {sha256("object"), 6}},
      {"latest", FileKind::link, false, {sha256("out"), 3}},
  };
  Sha256 expected;
  expected.update(sha256("text"));
  expected.update(std::string_view("\7\0\0\0\0\0\0\0out/a.o\0\1", 17));
  expected.update(sha256("object"));
  expected.update(std::string_view("\6\0\0\0\0\0\0\0latest\1\0", 16));
  expected.update(sha256("out"));
  CHECK(node_digest(sha256("text"), outputs) == expected.finish());
}

TEST_CASE("executor: every part of an output counts in the digest") {
  const OutputRecord base{"a", FileKind::regular, false, {sha256("1"), 1}};
  const auto digest = [](const OutputRecord& output) {
    return node_digest(sha256(""), std::span(&output, 1));
  };
  OutputRecord other = base;
  other.path = "b";
  CHECK(digest(other) != digest(base));
  other = base;
  other.kind = FileKind::link;
  CHECK(digest(other) != digest(base));
  other = base;
  other.executable = true;
  CHECK(digest(other) != digest(base));
  other = base;
  other.content.hash = sha256("2");
  CHECK(digest(other) != digest(base));
}
