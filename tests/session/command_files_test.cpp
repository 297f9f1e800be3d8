// SPDX-License-Identifier: Apache-2.0
#include "session/command_files.h"

#include <doctest/doctest.h>

using namespace dsched::session;

namespace {

std::string words(std::string_view command) {
  std::string out;
  for (const std::string& word : file_words(command)) out += (out.empty() ? "" : " ") + word;
  return out;
}

}  // namespace

TEST_CASE("session: words of a command may name files but for options, variables and targets") {
  CHECK(words("wc -l < data.txt") == "wc data.txt");
  CHECK(words("sort a.txt|uniq -c;cat b.txt&") == "sort a.txt uniq cat b.txt");
  CHECK(words("cat \"$1\" $HOME/x ${y} \"b c.txt\"") == "cat y b c.txt");
  CHECK(words("awk -f prog.awk --file=data/x.csv") == "awk prog.awk data/x.csv");
  CHECK(words("cat in.txt > out.txt; cat out.txt") == "cat in.txt");
  CHECK(words("cat in.txt >> out.txt 2>&1") == "cat in.txt 2");
  CHECK(words("cat x >| y") == "cat x");
  CHECK(words("f=a.txt cat `ls b`") == "f a.txt cat ls b");
  CHECK(words("") == "");
}

TEST_CASE("session: a glob in a command stays one, and one in quotes is a name") {
  CHECK(words("cat data/*.txt") == "cat data/*.txt");
  CHECK(words("cat 'data/*.txt' \"?\"") == "cat data/\\*.txt \\?");
  CHECK(words("cat a\\ b\\*") == "cat a b\\*");
}

TEST_CASE("session: paths below a folder are relative and others absolute") {
  CHECK(path_below("/work", "a/./b") == "a/b");
  CHECK(path_below("/work", "/work/a") == "a");
  CHECK(path_below("/", "/a/b") == "a/b");
  CHECK_FALSE(path_below("/work", "/works/a").has_value());
  CHECK_FALSE(path_below("/work", "../a").has_value());
  CHECK_FALSE(path_below("/work", "/work").has_value());
  CHECK(path_from("/work", "../a") == "/a");
  CHECK(path_from("/work", "b/../c") == "c");
  CHECK(absolute_path("/work", "a/") == "/work/a");
}

TEST_CASE("session: an exact pattern stands for one name") {
  CHECK(exact_pattern("a*[1]?.txt") == "a\\*\\[1]\\?.txt");
}
