// SPDX-License-Identifier: Apache-2.0
#include "program/imgql_program.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"

namespace dsched::imgql {
namespace {

class Loader {
 public:
  Loader(Syntax& syntax, ProgramFiles& files, Dialect dialect, std::vector<Fault>& faults)
      : syntax_(syntax), files_(files), dialect_(dialect), faults_(faults) {}

  // Parses the file and splices what it imports, without recursion: files may import in a chain.
  void load(ProgramFile main) {
    struct Open {
      std::string folder;
      std::vector<Command> commands;
      std::size_t next = 0;
    };
    std::vector<Open> open;
    std::vector<Command> spliced;
    const auto begin = [&](ProgramFile file) {
      const std::string folder = file.name.substr(0, file.name.rfind('/') + 1);
      open.push_back({folder, parse_file(std::move(file))});
    };
    begin(std::move(main));
    while (!open.empty()) {
      if (open.back().next == open.back().commands.size()) {
        open.pop_back();
        continue;
      }
      const Command command = open.back().commands[open.back().next++];
      const bool is_file = command.kind == CommandKind::import &&
                           command.text.find_first_of("./") != std::string_view::npos;
      if (!is_file) {
        spliced.push_back(command);
        continue;
      }
      auto file = find(command, open.back().folder);
      if (file && loaded_.insert(file->name).second) begin(std::move(*file));
    }
    syntax_.commands = std::move(spliced);
  }

 private:
  std::vector<Command> parse_file(ProgramFile file) {
    loaded_.insert(file.name);
    const Place begin = syntax_.sources.empty()
                            ? 0
                            : syntax_.sources.back().begin +
                                  static_cast<Place>(syntax_.sources.back().text.size()) + 1;
    if (begin + file.text.size() > k_text_max) {
      faults_.push_back({"E_PARSE", begin, file.name + ": the program is longer than 1 GiB"});
      return {};
    }
    syntax_.sources.push_back({std::move(file.name), std::move(file.text), begin});
    const std::string_view text = syntax_.sources.back().text;
    if (const auto wrong = find_invalid_utf8(text)) {
      faults_.push_back({"E_PARSE", begin + static_cast<Place>(*wrong), "this is not UTF-8"});
      return {};
    }
    parse(syntax_, syntax_.sources.size() - 1, dialect_, faults_);
    return std::exchange(syntax_.commands, {});
  }

  std::optional<ProgramFile> find(const Command& command, const std::string& folder) {
    const std::string path(command.text);
    if (!path.starts_with('/') && !folder.empty()) {
      if (auto file = files_.read(folder + path)) return file;
    }
    if (auto file = files_.read(path)) return file;
    faults_.push_back(
        {"E_IMPORT", command.place, escape_for_terminal(path) + ": no such file can be read here"});
    return std::nullopt;
  }

  Syntax& syntax_;
  ProgramFiles& files_;
  Dialect dialect_;
  std::vector<Fault>& faults_;
  std::set<std::string> loaded_;
};

// Of a longer line only what is around the place is shown.
constexpr std::size_t k_line_shown_max = 240;  // bytes
constexpr std::size_t k_shown_around = 80;     // bytes to each side

bool begins_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

std::string shown_before(std::string_view text, bool is_cut) {
  if (!is_cut || text.size() <= k_shown_around) return escape_for_terminal(text);
  text.remove_prefix(text.size() - k_shown_around);
  while (!text.empty() && !begins_character(text.front())) text.remove_prefix(1);
  return "…" + escape_for_terminal(text);
}

std::string shown_from(std::string_view text, bool is_cut) {
  if (!is_cut || text.size() <= k_shown_around) return escape_for_terminal(text);
  std::size_t end = k_shown_around;
  while (end > 0 && !begins_character(text[end])) --end;
  return escape_for_terminal(text.substr(0, end)) + "…";
}

}  // namespace

Syntax read_program(ProgramFile main, ProgramFiles& files, Dialect dialect,
                    std::vector<Fault>& faults) {
  Syntax syntax;
  Loader(syntax, files, dialect, faults).load(std::move(main));
  return syntax;
}

std::string fault_text(const Syntax& syntax, const Fault& fault) {
  const Position at = syntax.position(fault.place);
  std::size_t offset = 0;  // of the character at the place, in its line
  for (std::uint32_t column = 1; column < at.column && offset < at.line_text.size(); ++column) {
    do ++offset;
    while (offset < at.line_text.size() && !begins_character(at.line_text[offset]));
  }
  const bool is_long = at.line_text.size() > k_line_shown_max;
  const std::string before = shown_before(at.line_text.substr(0, offset), is_long);
  const std::string from = shown_from(at.line_text.substr(offset), is_long);
  const auto width = std::count_if(before.begin(), before.end(), begins_character);
  return escape_for_terminal(at.source) + ":" + std::to_string(at.line) + ":" +
         std::to_string(at.column) + ": " + fault.code + ": " + escape_for_terminal(fault.message) +
         "\n  " + before + from + "\n  " + std::string(static_cast<std::size_t>(width), ' ') + "^";
}

void sort_faults(std::vector<Fault>& faults) {
  std::stable_sort(faults.begin(), faults.end(),
                   [](const Fault& a, const Fault& b) { return a.place < b.place; });
}

}  // namespace dsched::imgql
