// SPDX-License-Identifier: Apache-2.0
#include "program/faults.h"

#include <algorithm>

#include "base/json_reader.h"
#include "base/text.h"
#include "program/json_program.h"
#include "program/pointer.h"

namespace dsched::program {
namespace {

void locate_all(std::string_view text, std::vector<Fault>& faults) {
  std::vector<std::string> pointers;
  for (const Fault& fault : faults) {
    if (!fault.offset && !fault.is_outside) pointers.push_back(fault.pointer);
  }
  if (pointers.empty()) return;
  const std::vector<std::size_t> offsets = locate(text, pointers);
  std::size_t next = 0;
  for (Fault& fault : faults) {
    if (!fault.offset && !fault.is_outside) fault.offset = offsets[next++];
  }
}

}  // namespace

void Faults::add(Fault fault) {
  if (faults_.size() == k_diagnostics_max) {
    ++more_;
  } else {
    faults_.push_back(std::move(fault));
  }
}

void Faults::append(Faults other) {
  for (Fault& fault : other.faults_) add(std::move(fault));
  more_ += other.more_;
}

std::vector<Diagnostic> Faults::diagnostics(std::string_view text) && {
  locate_all(text, faults_);
  // What is not in the text has no offset and comes first.
  std::stable_sort(faults_.begin(), faults_.end(),
                   [](const Fault& a, const Fault& b) { return a.offset < b.offset; });
  std::vector<Diagnostic> diagnostics;
  std::size_t line_offset = 0;  // where the line of the fault before begins: text is passed once
  std::uint32_t line = 1;
  for (Fault& fault : faults_) {
    Diagnostic diagnostic;
    diagnostic.code = fault.code;
    diagnostic.message = std::move(fault.message);
    diagnostic.pointer = std::move(fault.pointer);
    diagnostic.hint = std::move(fault.hint);
    if (fault.offset) {
      const std::size_t offset = std::min(*fault.offset, text.size());
      const TextPosition position = position_of(text.substr(line_offset), offset - line_offset);
      line += position.line - 1;
      diagnostic.line = line;
      diagnostic.column = position.column;
      const std::size_t line_break = text.substr(0, offset).rfind('\n');
      line_offset = line_break == std::string_view::npos ? 0 : line_break + 1;
    }
    diagnostics.push_back(std::move(diagnostic));
  }
  if (more_ > 0) {
    Diagnostic rest;
    rest.code = "more";
    rest.message = "and " + std::to_string(more_) + " more";
    diagnostics.push_back(std::move(rest));
  }
  return diagnostics;
}

std::string suggest(std::string_view name, const std::vector<std::string_view>& candidates) {
  const auto near = nearest(name, candidates);
  return near ? "did you mean '" + std::string(*near) + "'?" : "";
}

}  // namespace dsched::program
