// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <doctest/doctest.h>

namespace dsched {
namespace {

TEST_CASE("base: UTF-8 is well-formed exactly when the standard says so") {
  for (const std::string_view good : {"", "a", "é", "€", "😀", "\x7F", "\xF4\x8F\xBF\xBF"})
    CHECK(is_utf8(good));
  for (const std::string_view bad :
       {"\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
        "\xF4\x90\x80\x80", "\xF5", "\xC3", "\xE2\x82"})
    CHECK_FALSE(is_utf8(bad));
}

TEST_CASE("base: the first invalid byte is found wherever it stands") {
  for (std::size_t at = 0; at < 30; ++at) {
    std::string text(30, 'x');
    text[at] = '\xFF';
    CHECK(find_invalid_utf8(text) == at);
  }
}

TEST_CASE("base: control characters are C0, DEL and C1 and nothing else") {
  for (const std::string_view control : {"\x01", "a\n", "\x7F", "\xC2\x80", "\xC2\x9F", "\x1B[0m"})
    CHECK(has_control(control));
  for (const std::string_view plain : {"", " ", "é", "\xC2\xA0", "~"})
    CHECK_FALSE(has_control(plain));
}

TEST_CASE("base: text for a terminal holds nothing that moves the cursor") {
  CHECK(escape_for_terminal("a\x1B[2Jb\n\t\xC2\x9B\xFFé") == "a\\x1b[2Jb\\n\\t\\xc2\\x9b\\xffé");
  CHECK(escape_for_terminal("a\u202Eb\u2066c\u2028\u061C") ==
        "a\\xe2\\x80\\xaeb\\xe2\\x81\\xa6c\\xe2\\x80\\xa8\\xd8\\x9c");
  CHECK(escape_for_terminal("\u2026\u2192\u200B") == "\u2026\u2192\u200B");
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  CHECK_FALSE(has_control(escape_for_terminal(all)));
  CHECK(is_utf8(escape_for_terminal(all)));
}

TEST_CASE("base: a JSON string escapes only what it must") {
  std::string out = "x";
  append_json_string(out, "a\"\\/\b\f\n\r\t\x01é\x7F");
  CHECK(out == "x\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001é\x7F\"");
}

TEST_CASE("base: base64 gives back what it was given") {
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    bytes += static_cast<char>(i * 37);
    CHECK(base64_decode(base64(bytes)) == bytes);
  }
  for (const std::string_view bad : {"Z", "Zg=", "Zg==Zg==", "Z===", "Zm9*", "=Zg="})
    CHECK_FALSE(base64_decode(bad));
}

TEST_CASE("base: hexadecimal is two lower-case digits for each byte") {
  CHECK(hex(std::string_view("\x00\xAB\x7f", 3)) == "00ab7f");
}

TEST_CASE("base: a glob is a pattern with an unprotected glob character") {
  CHECK(is_glob("*.c"));
  CHECK(is_glob("a?"));
  CHECK(is_glob("[ab]"));
  CHECK_FALSE(is_glob("a\\*"));
  CHECK_FALSE(is_glob("a/b"));
}

TEST_CASE("base: globs match as in the shell, with ** for any depth") {
  struct Match {
    std::string_view pattern;
    std::string_view path;
    bool matches;
  };
  const Match table[] = {
      {"*.c", "a.c", true},        {"*.c", "a/b.c", false},      {"*.c", ".c", false},
      {".*", ".c", true},          {"?.c", "ab.c", false},       {"[a-c].c", "b.c", true},
      {"[!a-c].c", "b.c", false},  {"[!a-c].c", "d.c", true},    {"a[", "a[", true},
      {"\\*", "*", true},          {"\\*", "a", false},          {"**/x", "x", true},
      {"**/x", "a/b/x", true},     {"**/x", ".git/x", false},    {"a/**", "a/b/c", true},
      {"a/**/c", "a/c", true},     {"a/**/c", "a/b/b/c", true},  {"a/**/c", "a/b/d", false},
      {"*a*b*", "xxaxxbxx", true}, {"*a*b*", "xxbxxaxx", false}, {"", "", true},
      {"a/*/c", "a/b/c", true},    {"a/*/c", "a/b/b/c", false},
  };
  for (const Match& match : table) {
    CAPTURE(match.pattern);
    CAPTURE(match.path);
    CHECK(glob_matches(match.pattern, match.path) == match.matches);
  }
}

TEST_CASE("base: the nearest name is a likely slip or none at all") {
  const std::vector<std::string_view> names = {"command", "stdin", "comment"};
  CHECK(nearest("comand", names) == "command");
  CHECK(nearest("stdin2", names) == "stdin");
  CHECK_FALSE(nearest("parameters", names));
  CHECK_FALSE(nearest("x", {}));
}

TEST_CASE("base: a relative path is cleaned without leaving its start") {
  const std::pair<std::string_view, std::string_view> table[] = {
      {"a", "a"}, {"./a//b/../c", "a/c"}, {".", "."}, {"a/..", "."}, {"a/", "a"}, {"...", "..."}};
  for (const auto& [path, cleaned] : table) CHECK(clean_relative_path(path) == cleaned);
  for (const std::string_view path : {"", "/a", "..", "a/../..", "../a"})
    CHECK_FALSE(clean_relative_path(path));
}

}  // namespace
}  // namespace dsched
