// SPDX-License-Identifier: Apache-2.0
#include "program/imgql_bundle.h"

#include <charconv>

namespace dsched::imgql {
namespace {

constexpr std::string_view k_head = "dsched-imgql 1\n";

void append_record(std::string& out, std::string_view kind, std::string_view name,
                   std::string_view text) {
  out.append(kind).append(" ").append(std::to_string(name.size())).append(" ");
  out.append(std::to_string(text.size())).append("\n").append(name).append(text).append("\n");
}

struct Record {
  std::string_view kind;
  std::string_view name;
  std::string_view text;
};

// A number that ends with `end`; takes both from the text.
std::optional<std::size_t> take_number(std::string_view& text, char end) {
  std::size_t value = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || at == text.data() + text.size() || *at != end) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(at - text.data()) + 1);
  return value;
}

std::optional<Record> take_record(std::string_view& text) {
  Record record;
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  record.kind = text.substr(0, space);
  text.remove_prefix(space + 1);
  const auto name_size = take_number(text, ' ');
  const auto text_size = name_size ? take_number(text, '\n') : std::nullopt;
  if (!text_size || *name_size > text.size() || *text_size >= text.size() - *name_size) {
    return std::nullopt;
  }
  record.name = text.substr(0, *name_size);
  record.text = text.substr(*name_size, *text_size);
  if (text[*name_size + *text_size] != '\n') return std::nullopt;
  text.remove_prefix(*name_size + *text_size + 1);
  return record;
}

}  // namespace

bool is_bundle(std::string_view text) {
  return text.starts_with(k_head);
}

std::string bundle_text(const Bundle& bundle) {
  std::string out;
  out.reserve(k_head.size() + bundle.main.text.size() + 1024);
  out += k_head;
  append_record(out, "dag", bundle.dag_id, bundle.dialect == Dialect::strict ? "strict" : "wide");
  for (const auto& [name, value] : bundle.variables) append_record(out, "variable", name, value);
  for (const auto& [path, name] : bundle.asked) append_record(out, "asked", path, name);
  for (const auto& [name, text] : bundle.files) append_record(out, "file", name, text);
  append_record(out, "main", bundle.main.name, bundle.main.text);
  return out;
}

std::optional<Bundle> read_bundle(std::string_view text) {
  if (!is_bundle(text)) return std::nullopt;
  text.remove_prefix(k_head.size());
  Bundle bundle;
  bool is_whole = false;  // what comes last is there
  while (!text.empty()) {
    if (is_whole) return std::nullopt;
    const auto record = take_record(text);
    if (!record) return std::nullopt;
    const std::string name(record->name);
    if (record->kind == "dag") {
      bundle.dag_id = name;
      bundle.dialect = record->text == "strict" ? Dialect::strict : Dialect::wide;
    } else if (record->kind == "variable") {
      bundle.variables[name] = record->text;
    } else if (record->kind == "main") {
      bundle.main = {name, std::string(record->text)};
      is_whole = true;
    } else if (record->kind == "asked") {
      bundle.asked[name] = record->text;
    } else if (record->kind == "file") {
      bundle.files[name] = record->text;
    }
  }
  if (!is_whole) return std::nullopt;
  return bundle;
}

std::optional<ProgramFile> NotingFiles::read(const std::string& path) {
  auto file = from_.read(path);
  if (!file) return std::nullopt;
  into_.asked[path] = file->name;
  into_.files[file->name] = file->text;
  return file;
}

std::optional<ProgramFile> BundledFiles::read(const std::string& path) {
  const auto asked = bundle_.asked.find(path);
  if (asked == bundle_.asked.end()) return std::nullopt;
  const auto file = bundle_.files.find(asked->second);
  if (file == bundle_.files.end()) return std::nullopt;
  return ProgramFile{file->first, file->second};
}

}  // namespace dsched::imgql
