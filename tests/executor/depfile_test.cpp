// SPDX-License-Identifier: Apache-2.0
#include "executor/depfile.h"

#include <doctest/doctest.h>

using dsched::executor::DepfileProblem;
using dsched::executor::parse_depfile;
using Names = std::vector<std::string>;

namespace {

Names names_in(std::string_view text) {
  auto parsed = parse_depfile(text);
  if (const auto* problem = std::get_if<DepfileProblem>(&parsed)) {
    return {"line " + std::to_string(problem->line) + ": " + problem->error};
  }
  return std::get<Names>(parsed);
}

}  // namespace

TEST_CASE("executor: a depfile gives the prerequisites of all its rules") {
  struct Row {
    const char* law;
    std::string_view text;
    Names names;
  };
  const Row rows[] = {
      {"one rule", "a.o: a.c a.h\n", {"a.c", "a.h"}},
      {"no newline at the end", "a.o: a.c", {"a.c"}},
      {"several targets", "a.o a.d: a.c\n", {"a.c"}},
      {"several rules, each name once", "a.o: a.c x.h\nb.o: b.c x.h\n", {"a.c", "x.h", "b.c"}},
      {"continued lines", "a.o: \\\n a.c \\\n  a.h\n", {"a.c", "a.h"}},
      {"a name ends at a continuation", "a.o: a.c\\\na.h\n", {"a.c", "a.h"}},
      {"CRLF", "a.o: a.c \\\r\n a.h\r\n\r\nx.h:\r\n", {"a.c", "a.h"}},
      {"empty rules of -MP", "a.o: a.c a.h\n\na.h:\n", {"a.c", "a.h"}},
      {"nothing at all", "", {}},
      {"empty lines and blanks", "\n \t\n", {}},
      {"a rule without prerequisites", "a.o:\n", {}},
      {"no space before the colon's list", "a.o:\\\n a.c\n", {"a.c"}},
      {"space before the colon", "a.o : a.c\n", {"a.c"}},
      {"a comment", "# made by hand\na.o: a.c # b.c\n", {"a.c"}},
      {"a colon in a target", "a:b.o: a.c\n", {"a.c"}},
      {"a colon in a prerequisite", "a.o: C:/a.h d:\n", {"C:/a.h", "d:"}},
      {"an escaped colon", "a\\:b.o: c\\:d.h\n", {"c:d.h"}},
      {"an escaped target", "o\\ ut$$.o: a.c\n", {"a.c"}},
      {"a dollar alone", "a.o: a$b.h\n", {"a$b.h"}},
      {"a backslash at the very end", "a.o: a\\", {"a\\"}},
      {"an even number before a space", "a.o: a\\\\ b\n", {"a\\", "b"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.law);
    CHECK(names_in(row.text) == row.names);
  }
}

// Written by gcc 12.2 -MD for a source that includes headers of these names.
TEST_CASE("executor: odd names as gcc writes them are read back as they are") {
  CHECK(names_in("o\\ ut$$.o: ma\\ in.c a\\ b.h b\\\\#x.h c\\#d.h \\\n"
                 " e$$f.h g:h.h i\\j.h k\\\\\\ l.h m%n.h q=r;s|t&.h t\\\tu.h\n"
                 "a\\ b.h:\nb\\\\#x.h:\nc\\#d.h:\ne$$f.h:\ng:h.h:\ni\\j.h:\nk\\\\\\ l.h:\n") ==
        Names{"ma in.c", "a b.h", "b\\#x.h", "c#d.h", "e$f.h", "g:h.h", "i\\j.h", "k\\ l.h",
              "m%n.h", "q=r;s|t&.h", "t\tu.h"});
}

// Written by clang 14.0.6 -MD, which also turns backslashes into slashes.
TEST_CASE("executor: odd names as clang writes them are read back as they are") {
  CHECK(names_in("o\\ ut$$.o: ma\\ in.c a\\ b.h c\\#d.h e$$f.h g:h.h m%n.h \\\n  q=r;s|t&.h\n\n"
                 "a\\ b.h:\n\nc\\#d.h:\n\ne$$f.h:\n\ng:h.h:\n") ==
        Names{"ma in.c", "a b.h", "c#d.h", "e$f.h", "g:h.h", "m%n.h", "q=r;s|t&.h"});
}

TEST_CASE("executor: a depfile that is none is refused with its line") {
  CHECK(names_in("a.o: a.c\nthis is no rule\n") == Names{"line 2: no ':' after the targets"});
  CHECK(names_in("a.o: \\\n\\\na.c\nx") == Names{"line 4: no ':' after the targets"});
  CHECK(names_in(std::string_view("a.o: a\0b\n", 9)) == Names{"line 1: a NUL byte in a name"});
}
