// SPDX-License-Identifier: Apache-2.0
#pragma once
// A VoxLogica program as it is run and recorded: one text with all that its meaning depends on, so
// that a resume, a detached run and dsched-stats read the same program, whatever became of its
// files.
//
//   bundle = "dsched-imgql 1\n" record*
//   record = KIND " " SIZE " " SIZE "\n" NAME TEXT "\n"       the sizes of NAME and TEXT in bytes
//   KIND   = dag (NAME: its id; TEXT: strict or wide) | variable (NAME with the dollar sign, TEXT)
//          | asked (NAME as an import asked for it, TEXT the file's own name)
//          | file (NAME, TEXT) | main (NAME, TEXT), the last one
//
// stored: the form never changes; a new one gets another number.

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "program/imgql_program.h"

namespace dsched::imgql {

struct Bundle {
  std::string dag_id;
  Dialect dialect = Dialect::wide;
  std::map<std::string, std::string, std::less<>> variables;
  ProgramFile main;
  std::map<std::string, std::string> asked;  // the path that was asked for, and the file's name
  std::map<std::string, std::string> files;  // imported ones: name and text
};

[[nodiscard]] bool is_bundle(std::string_view text);
[[nodiscard]] std::string bundle_text(const Bundle& bundle);
// Empty when the text is not what bundle_text() makes.
[[nodiscard]] std::optional<Bundle> read_bundle(std::string_view text);

// Reads by another one and notes what it gave.
class NotingFiles final : public ProgramFiles {
 public:
  NotingFiles(ProgramFiles& from, Bundle& into) : from_(from), into_(into) {}
  [[nodiscard]] std::optional<ProgramFile> read(const std::string& path) override;

 private:
  ProgramFiles& from_;
  Bundle& into_;
};

// The files of a bundle.
class BundledFiles final : public ProgramFiles {
 public:
  explicit BundledFiles(const Bundle& bundle) : bundle_(bundle) {}
  [[nodiscard]] std::optional<ProgramFile> read(const std::string& path) override;

 private:
  const Bundle& bundle_;
};

}  // namespace dsched::imgql
