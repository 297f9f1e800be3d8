// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <doctest/doctest.h>

namespace dsched::cli {
namespace {

struct Sheet {
  std::string text;
  Table table;
  explicit Sheet(std::optional<std::size_t> width, Style style = {.color = false, .symbols = true})
      : table({{"NODE", Column::Align::left, Column::Fit::shrinks},
               {"SIZE", Column::Align::right, Column::Fit::whole},
               {"NOTE", Column::Align::left, Column::Fit::whole}},
              style, width, [this](std::string_view piece) { text += piece; }) {}
  std::string finished() {
    table.finish();
    return text;
  }
};

TEST_CASE(
    "cli: a table is as wide as its cells, numbers stand to the right, no blanks at the end") {
  Sheet sheet({});
  sheet.table.add({{"words"}, {"7"}, {""}});
  sheet.table.add({{"caf\xC3\xA9"}, {"12345"}, {"x"}});
  CHECK(sheet.finished() ==
        "NODE    SIZE  NOTE\n"
        "words      7\n"
        "caf\xC3\xA9   12345  x\n");
}

TEST_CASE("cli: a table without rows is not written") {
  CHECK(Sheet({}).finished().empty());
}

TEST_CASE("cli: cells are escaped, and wide characters count two columns") {
  Sheet sheet({});
  sheet.table.add({{"\xE6\xBC\xA2"}, {"1"}, {"a\x1b[2J\n"}});
  CHECK(sheet.finished() ==
        "NODE  SIZE  NOTE\n"
        "\xE6\xBC\xA2       1  a\\x1b[2J\\n\n");
}

TEST_CASE("cli: a table that is too wide is cut where it may be") {
  Sheet sheet(24);
  sheet.table.add({{"a_long_name_of_a_node"}, {"12345"}, {"note"}});
  CHECK(sheet.finished() ==
        "NODE          SIZE  NOTE\n"
        "a_long_nam\xE2\x80\xA6  12345  note\n");
}

TEST_CASE("cli: a terminal that is too narrow for anything gets long lines, not empty ones") {
  Sheet sheet(5);
  sheet.table.add({{"0123456789"}, {"12345"}, {"note"}});
  CHECK(sheet.finished().find("12345  note\n") != std::string::npos);
}

TEST_CASE("cli: rows beyond the measured ones are written as they come") {
  Sheet sheet({});
  for (std::size_t i = 0; i < k_rows_measured; ++i) sheet.table.add({{"n"}, {"1"}, {""}});
  CHECK_FALSE(sheet.text.empty());
  sheet.text.clear();
  sheet.table.add({{"longer"}, {"1"}, {""}});
  CHECK(sheet.text == "longer     1\n");
  CHECK(sheet.finished() == "longer     1\n");
}

TEST_CASE("cli: colour changes no width") {
  Sheet plain({});
  Sheet coloured({}, {.color = true, .symbols = true});
  for (Sheet* sheet : {&plain, &coloured}) {
    sheet->table.add({{"a", Paint::red}, {"1"}, {"b", Paint::green}});
  }
  std::string text = coloured.finished();
  for (std::size_t at; (at = text.find('\x1b')) != std::string::npos;) {
    text.erase(at, text.find('m', at) - at + 1);
  }
  CHECK(text == plain.finished());
  CHECK(coloured.text.find("\x1b[31ma\x1b[0m") != std::string::npos);
}

}  // namespace
}  // namespace dsched::cli
