// SPDX-License-Identifier: Apache-2.0
#include "cli/imgql_command.h"

#include <filesystem>

#include "cli/run_output.h"
#include "program/imgql_bundle.h"
#include "program/imgql_faults.h"
#include "program/imgql_reduce.h"
#include "sys/files.h"
#include "sys/streams.h"

namespace dsched::cli {
namespace {

namespace fs = std::filesystem;

class FilesOnDisk final : public imgql::ProgramFiles {
 public:
  std::optional<imgql::ProgramFile> read(const std::string& path) override {
    std::error_code why;
    const fs::path whole = fs::canonical(path, why);
    if (why || !fs::is_regular_file(whole)) return std::nullopt;
    return imgql::ProgramFile{fs::relative(whole).string(), sys::read_whole_file(path)};
  }
};

std::map<std::string, std::string, std::less<>> program_variables(const std::string& program) {
  const fs::path here = fs::current_path();
  if (program == "-") {
    return {{"$cwd", here}, {"$dir", here}, {"$file", "-"}, {"$filename", "-"}, {"$stem", "-"}};
  }
  const fs::path file = fs::absolute(program).lexically_normal();
  return {{"$cwd", here},
          {"$dir", file.parent_path()},
          {"$file", file},
          {"$filename", file.filename()},
          {"$stem", file.stem()}};
}

imgql::ProgramFile main_file(const std::string& program) {
  if (program == "-") return {"-", sys::read_all(0, "standard input")};
  return {program, sys::read_whole_file(program)};
}

imgql::Dialect dialect_of(const RunCommand& command) {
  return command.strict ? imgql::Dialect::strict : imgql::Dialect::wide;
}

// White space and comments, which both languages have, are passed over.
bool begins_as_json(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  while (true) {
    const std::size_t start = text.find_first_not_of(" \t\r\n");
    if (start == std::string_view::npos) return true;  // an empty program is one of JSON
    text.remove_prefix(start);
    const bool is_line = text.starts_with("//");
    if (!is_line && !text.starts_with("/*")) return text.front() == '{';
    const std::size_t end = is_line ? text.find('\n') : text.find("*/");
    if (end == std::string_view::npos) return !is_line;
    text.remove_prefix(end + (is_line ? 1 : 2));
  }
}

}  // namespace

bool is_to_be_shown(const RunCommand& command) {
  return command.print_syntax || !command.print_graph.empty();
}

bool is_imgql(const RunCommand& command, const std::string& file) {
  if (command.language != "auto") return command.language == "imgql";
  return file.ends_with(".imgql") || is_to_be_shown(command) || command.strict;
}

bool is_imgql_text(const RunCommand& command, std::string_view text) {
  if (command.language == "auto" && !command.strict) return !begins_as_json(text);
  return command.language != "json";
}

program::Source imgql_source(const RunCommand& command, const std::string& file) {
  return imgql_source(command, file, sys::read_whole_file(file));
}

program::Source imgql_source(const RunCommand& command, const std::string& name, std::string text) {
  imgql::Bundle bundle;
  bundle.dag_id = name == "-" ? "program" : fs::path(name).stem().string();
  bundle.dialect = dialect_of(command);
  bundle.variables = program_variables(name);
  bundle.main = {name, std::move(text)};
  if (bundle.main.text.find("import") != std::string::npos) {
    FilesOnDisk disk;
    imgql::NotingFiles noting(disk, bundle);
    std::vector<imgql::Fault> told_later;
    static_cast<void>(imgql::read_program(bundle.main, noting, bundle.dialect, told_later));
  }
  return program::source_from(imgql::bundle_text(bundle));
}

int show_imgql(const RunCommand& command, Context& context) {
  if (command.program.empty()) throw Error(ErrorKind::usage, "a program is missing");
  FilesOnDisk files;
  std::vector<imgql::Fault> faults;
  const imgql::Syntax syntax =
      imgql::read_program(main_file(command.program), files, dialect_of(command), faults);
  imgql::Reduced reduced = imgql::reduce(syntax, program_variables(command.program), faults);
  if (!faults.empty()) {
    program::Refused refused = imgql::refused(syntax, command.program, std::move(faults));
    return show_faults({std::move(refused.diagnostics), std::move(refused.shown)}, command.program,
                       context);
  }
  if (command.print_syntax) write_out(imgql::canonical_text(syntax) + "\n");
  if (command.print_graph == "json") write_out(graph_json(reduced.graph, reduced.goals) + "\n");
  if (command.print_graph == "dot") write_out(graph_dot(reduced.graph, reduced.goals));
  return static_cast<int>(Exit::done);
}

}  // namespace dsched::cli
