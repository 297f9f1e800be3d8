// SPDX-License-Identifier: Apache-2.0
// Replays the fuzzer's corpus, so that what it once found stays found without clang at hand.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "fuzz/program_laws.h"
#include "program_support.h"

namespace dsched::program {
namespace {

std::vector<std::string> corpus() {
  const auto folder = std::filesystem::path(__FILE__).parent_path().parent_path() / "fuzz/corpus";
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> texts;
  for (const auto& file : files) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    texts.push_back(text.str());
  }
  return texts;
}

TEST_CASE("program: every text of the corpus gives a lawful answer") {
  const std::vector<std::string> texts = corpus();
  REQUIRE(texts.size() >= 4);
  for (const std::string& text : texts) check_program_laws(text, [](bool holds) { CHECK(holds); });
}

TEST_CASE("program: every beginning of a text of the corpus gives a lawful answer") {
  for (const std::string& text : corpus()) {
    for (std::size_t length = 0; length < text.size(); length += 7) {
      CAPTURE(text.substr(0, length));
      check_program_laws(text.substr(0, length), [](bool holds) { CHECK(holds); });
    }
  }
}

}  // namespace
}  // namespace dsched::program
