// SPDX-License-Identifier: Apache-2.0
#pragma once
// Writes a JSON document from front to back, without building it in memory first.
//
// Answers may hold the results of a million goals; a tree of them would cost ten times their text.
// The caller opens and closes objects and arrays in order; the writer sets commas, quotes and line
// breaks (indentation of two, or none at all). Text must be UTF-8.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsched::wire {

class JsonWriter {
 public:
  enum class Layout : std::uint8_t { compact, indented };
  explicit JsonWriter(Layout layout = Layout::compact) : layout_(layout) {}

  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);
  JsonWriter& text(std::string_view value);
  JsonWriter& number(std::int64_t value);
  JsonWriter& number(std::uint64_t value);
  // Shortest text that reads back; whole numbers keep one decimal ("100.0").
  JsonWriter& real(double value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  JsonWriter& raw(std::string_view json);  // a value that is JSON text already

  // What was written since the last call.
  [[nodiscard]] std::string take();
  [[nodiscard]] std::size_t size() const { return out_.size(); }

 private:
  void before_value();
  void close(char bracket);
  void new_line();
  std::string out_;
  Layout layout_;
  std::vector<bool> has_elements_;  // one per open object or array
  bool after_key_ = false;
};

}  // namespace dsched::wire
