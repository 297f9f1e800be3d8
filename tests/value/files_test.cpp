// SPDX-License-Identifier: Apache-2.0
#include "value/files.h"

#include "value_support.h"

namespace dsched::value {
namespace {

TEST_CASE("value: a loaded file is what its name says") {
  CHECK(loaded("a/b.json", "[1, 2.5]") == list({whole(1), number(2.5)}));
  CHECK(loaded("B.JSON", "{}") == Value::object({}));
  CHECK(loaded("x.txt", "a\n\nb\r\nc\rd") ==
        list({text("a"), text(""), text("b"), text("c"), text("d")}));
  CHECK(loaded("x.csv", "1,2\n") == list({text("1,2")}));
  CHECK(loaded("x.txt", "") == list({}));
  CHECK(loaded("x.txt",
               "a\u2028b\x1c"
               "c") == list({text("a"), text("b"), text("c")}));
  CHECK(loaded("x.bin", "a\n") == Value::bytes("a\n"));
  CHECK(loaded(".txt", "a") == Value::bytes("a"));
  CHECK(loaded("folder.json/data", "1") == Value::bytes("1"));
  CHECK(message_of([] { static_cast<void>(loaded("x.json", "[")); }) ==
        "default.load: x.json: not JSON: line 1, column 2: expected a value");
  CHECK(message_of([] { static_cast<void>(loaded("x.txt", "\xff")); }) ==
        "default.load: x.txt: this is not UTF-8");
}

const std::vector<Entry> k_entries{
    {"a.txt"},       {"b.py"},        {".hidden"}, {"sub", true}, {"sub/c.txt"},
    {"sub/x", true}, {"sub/x/d.txt"}, {"Z.txt"},   {"été.txt"},   {"[1].txt"},
};

std::string found(std::string pattern, Recursion recursion = Recursion::one_folder) {
  std::string out;
  for (const std::string& path : matching({"", std::move(pattern), recursion}, k_entries)) {
    out += (out.empty() ? "" : " ") + path;
  }
  return out;
}

// The right sides are what pathlib of Python 3.11 finds in such a folder.
TEST_CASE("value: dir finds what pathlib's glob finds") {
  CHECK(found("*") == ".hidden Z.txt [1].txt a.txt b.py sub été.txt");
  CHECK(found("*.txt") == "Z.txt [1].txt a.txt été.txt");
  CHECK(found("?.txt") == "Z.txt a.txt");
  CHECK(found("?t?.txt") == "été.txt");
  CHECK(found("[a-b].*") == "a.txt b.py");
  CHECK(found("[!a-y].txt") == "Z.txt");
  CHECK(found("[[]1].txt") == "[1].txt");
  CHECK(found("*/*.txt") == "sub/c.txt");
  CHECK(found("**/*.txt") == "Z.txt [1].txt a.txt sub/c.txt sub/x/d.txt été.txt");
  CHECK(found("*.txt", Recursion::whole_tree) ==
        "Z.txt [1].txt a.txt sub/c.txt sub/x/d.txt été.txt");
  CHECK(found("**") == ". sub sub/x");
  CHECK(found("sub/**") == "sub sub/x");
  CHECK(found("*/") == "sub");
  CHECK(found("a.txt") == "a.txt");
  CHECK(found("nothing") == "");
  CHECK(found("*", Recursion::whole_tree) ==
        ".hidden Z.txt [1].txt a.txt b.py sub sub/c.txt sub/x sub/x/d.txt été.txt");
}

TEST_CASE("value: a listing says how deep it looks") {
  CHECK(levels_needed({"", "*"}) == 1);
  CHECK(levels_needed({"", "*/x/*"}) == 3);
  CHECK(levels_needed({"", "a/**/b"}) == 0);
  CHECK(levels_needed({"", "*", Recursion::whole_tree}) == 0);
}

TEST_CASE("value: dir takes flags as Python words and refuses patterns that mean nothing") {
  const std::vector<Value> all{text("r"), text("*.x"), text("Yes"), number(0)};
  const Listing listing = listing_of(all);
  CHECK(listing.root == "r");
  CHECK(listing.pattern == "*.x");
  CHECK(listing.recursion == Recursion::whole_tree);
  CHECK(listing.style == PathStyle::relative);
  for (const std::string pattern : {"", "/a", "../a", "a**", "."}) {
    const std::vector<Value> arguments{text("r"), text(pattern)};
    CHECK_FALSE(message_of([&] { static_cast<void>(listing_of(arguments)); }).empty());
  }
  const std::vector<Value> maybe{text("r"), text("*"), text("maybe")};
  CHECK(message_of([&] { static_cast<void>(listing_of(maybe)); }) ==
        "default.dir: recursive must be true or false");
}

}  // namespace
}  // namespace dsched::value
