// SPDX-License-Identifier: Apache-2.0
#include "executor/glob_files.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>

#include "support/temp_folder.h"

using namespace dsched;
using dsched::testing::TempFolder;
using Names = std::vector<std::string>;

namespace {

Names expand(const TempFolder& temp, std::string_view pattern) {
  const sys::Folder folder(temp.path());
  Names found;
  if (auto why = executor::expand_pattern(folder, pattern, found)) return {"! " + why->error};
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace

TEST_CASE("executor: patterns stand for the files of the folder") {
  const TempFolder temp;
  for (const char* name : {"a.c", "b.c", "b.h", ".hidden.c", "src/x.c", "src/deep/y.c",
                           "src/.git/z.c", "src/deep/.keep", "[1].c", "sp ace/f"}) {
    temp.write(name, "");
  }
  struct Row {
    const char* pattern;
    Names names;
  };
  const Row rows[] = {
      {"a.c", {"a.c"}},
      {"*.c", {"[1].c", "a.c", "b.c"}},
      {".*.c", {".hidden.c"}},
      {"?.h", {"b.h"}},
      {"[ab].c", {"a.c", "b.c"}},
      {"\\[1\\].c", {"[1].c"}},
      {"*/x.c", {"src/x.c"}},
      {"src/*.c", {"src/x.c"}},
      {"src/**/*.c", {"src/deep/y.c", "src/x.c"}},
      {"**/*.c", {"[1].c", "a.c", "b.c", "src/deep/y.c", "src/x.c"}},
      {"**/**/y.c", {"src/deep/y.c"}},
      {"src/**", {"src/deep/y.c", "src/x.c"}},
      {"**/deep/*", {"src/deep/y.c"}},
      {"src/deep", {"src/deep/.keep", "src/deep/y.c"}},
      {"sr*", {"src/.git/z.c", "src/deep/.keep", "src/deep/y.c", "src/x.c"}},
      {"sp ace/*", {"sp ace/f"}},
      {"*.none", {}},
      {"none/*", {}},
      {"a.c/*", {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.pattern);
    CHECK(expand(temp, row.pattern) == row.names);
  }
}

TEST_CASE("executor: a plain name that does not exist is a problem, a glob without match is none") {
  const TempFolder temp;
  CHECK(expand(temp, "nothing") == Names{"! nothing: no such file or directory"});
  CHECK(expand(temp, "nothing*").empty());
}

TEST_CASE("executor: neither names nor globs lead out of the folder") {
  const TempFolder outer;
  outer.write("secret", "");
  const TempFolder temp;
  temp.link("out", outer.path());
  temp.link("sub/file", outer / "secret");
  for (const char* pattern : {"out", "out/*", "../*", "sub", "sub/*", "**/secret", "**"}) {
    CAPTURE(pattern);
    const Names names = expand(temp, pattern);
    REQUIRE(names.size() == 1);
    CHECK(names[0].find("leaves the folder") != std::string::npos);
  }
}

TEST_CASE("executor: links inside are followed once, and those to nothing are passed over") {
  const TempFolder temp;
  temp.write("real/f", "");
  temp.link("real/loop", "../real");
  temp.link("real/gone", "nowhere");
  temp.link("alias", "real");
  CHECK(expand(temp, "real") == Names{"real/f"});
  CHECK(expand(temp, "alias") == Names{"alias/f"});
  CHECK(expand(temp, "**/f") == Names{"alias/f", "real/f"});
}

TEST_CASE("executor: an absolute pattern is looked up in the whole file system") {
  const TempFolder outer;
  outer.write("x/a.txt", "");
  outer.link("x/b.txt", outer / "x/a.txt");
  const TempFolder temp;
  CHECK(expand(temp, outer / "x/*.txt") == Names{outer / "x/a.txt", outer / "x/b.txt"});
  CHECK(expand(temp, outer / "x/b.txt") == Names{outer / "x/b.txt"});
  CHECK(expand(temp, outer / "x/c.txt")[0].starts_with("! " + outer.path()));
}

TEST_CASE("executor: stores and special files are never among the files") {
  const TempFolder temp;
  temp.write(".dsched/store.db", "");
  temp.write(".dsched-tmp-0", "");
  temp.write("f", "");
  REQUIRE(::mkfifo((temp / "fifo").c_str(), 0600) == 0);
  CHECK(expand(temp, ".") == Names{"f"});
  CHECK(expand(temp, "**") == Names{"f"});
  CHECK(expand(temp, ".*").empty());
  CHECK(expand(temp, "fifo") == Names{"! fifo: is neither a file nor a folder"});
}
