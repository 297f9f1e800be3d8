// SPDX-License-Identifier: Apache-2.0
#include "program/pointer.h"

#include <unordered_map>

#include "base/json_reader.h"

namespace dsched::program {
namespace {

void append_step(std::string& out, const Path& path) {
  if (path.parent == nullptr) return;
  append_step(out, *path.parent);
  out += '/';
  if (path.name.data() == nullptr) {
    out += std::to_string(path.element);
    return;
  }
  for (const char c : path.name) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
}

// The steps of a pointer, unescaped.
std::vector<std::string> steps_of(std::string_view pointer) {
  std::vector<std::string> steps;
  for (std::size_t i = 0; i < pointer.size(); ++i) {
    if (pointer[i] == '/') {
      steps.emplace_back();
    } else if (pointer[i] == '~' && i + 1 < pointer.size()) {
      steps.back() += pointer[++i] == '1' ? '/' : '~';
    } else {
      steps.back() += pointer[i];
    }
  }
  return steps;
}

class Locator {
 public:
  Locator(std::string_view text, const std::vector<std::string>& pointers)
      : reader_(text, JsonDialect::relaxed), offsets_(pointers.size(), 0) {
    for (const std::string& pointer : pointers) steps_.push_back(steps_of(pointer));
  }

  std::vector<std::size_t> run() {
    std::vector<std::size_t> all(steps_.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    reader_.next();
    visit(all, 0);
    return std::move(offsets_);
  }

 private:
  // `wanted` are the pointers whose first `level` steps lead to the current value. The recursion
  // is as deep as a pointer is long, and never deeper than the reader allows.
  void visit(const std::vector<std::size_t>& wanted, std::size_t level) {
    std::unordered_map<std::string_view, std::vector<std::size_t>> by_step;
    for (const std::size_t i : wanted) {
      offsets_[i] = reader_.offset();
      if (level < steps_[i].size()) by_step[steps_[i][level]].push_back(i);
    }
    const bool is_object = reader_.token() == JsonToken::begin_object;
    if (by_step.empty() || (!is_object && reader_.token() != JsonToken::begin_array)) {
      return reader_.skip();
    }
    const JsonToken end = is_object ? JsonToken::end_object : JsonToken::end_array;
    for (std::size_t index = 0; reader_.next() != end; ++index) {
      if (reader_.token() == JsonToken::failed) return;
      const auto found =
          by_step.find(is_object ? std::string(reader_.text()) : std::to_string(index));
      if (is_object) reader_.next();
      if (found == by_step.end()) {
        reader_.skip();
      } else {
        visit(found->second, level + 1);
      }
    }
  }

  JsonReader reader_;
  std::vector<std::vector<std::string>> steps_;
  std::vector<std::size_t> offsets_;
};

}  // namespace

std::string pointer_to(const Path& path) {
  std::string out;
  append_step(out, path);
  return out;
}

std::string last_name(const Path& path) {
  if (path.parent == nullptr) return "the program";
  if (path.name.data() != nullptr) return std::string(path.name);
  return last_name(*path.parent) + "[" + std::to_string(path.element) + "]";
}

std::vector<std::size_t> locate(std::string_view text, const std::vector<std::string>& pointers) {
  return Locator(text, pointers).run();
}

}  // namespace dsched::program
