// SPDX-License-Identifier: Apache-2.0
#include "cli/imgql_command.h"

#include <filesystem>

#include "cli/run_output.h"
#include "program/imgql_program.h"
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

session::InvalidProgram as_diagnostics(const imgql::Syntax& syntax, const std::string& program,
                                       const std::vector<imgql::Fault>& faults) {
  session::InvalidProgram invalid;
  for (const imgql::Fault& fault : faults) {
    const imgql::Position at = syntax.position(fault.place);
    program::Diagnostic diagnostic;
    diagnostic.code = fault.code;
    if (at.source != program) diagnostic.message = std::string(at.source) + ": ";
    diagnostic.message += fault.message;
    diagnostic.line = at.line;
    diagnostic.column = at.column;
    invalid.diagnostics.push_back(std::move(diagnostic));
  }
  return invalid;
}

}  // namespace

bool is_imgql(const RunCommand& command) {
  if (command.language != "auto") return command.language == "imgql";
  return command.program.ends_with(".imgql") || command.print_syntax ||
         !command.print_graph.empty() || command.strict;
}

int show_imgql(const RunCommand& command, Context& context) {
  if (command.program.empty()) throw Error(ErrorKind::usage, "a program is missing");
  FilesOnDisk files;
  std::vector<imgql::Fault> faults;
  const auto dialect = command.strict ? imgql::Dialect::strict : imgql::Dialect::wide;
  const imgql::Syntax syntax =
      imgql::read_program(main_file(command.program), files, dialect, faults);
  imgql::Reduced reduced = imgql::reduce(syntax, program_variables(command.program), faults);
  if (!faults.empty()) {
    imgql::sort_faults(faults);
    std::vector<std::string> shown;
    for (const imgql::Fault& fault : faults) shown.push_back(imgql::fault_text(syntax, fault));
    return show_faults(as_diagnostics(syntax, command.program, faults), shown, command.program,
                       context);
  }
  if (command.print_syntax) write_out(imgql::canonical_text(syntax) + "\n");
  if (command.print_graph == "json") write_out(graph_json(reduced.graph, reduced.goals) + "\n");
  if (command.print_graph == "dot") write_out(graph_dot(reduced.graph, reduced.goals));
  if (command.print_syntax || !command.print_graph.empty()) return static_cast<int>(Exit::done);
  throw Error(ErrorKind::usage,
              command.program + ": programs in the VoxLogica language cannot be run yet",
              "--print-syntax and --print-graph show what they mean");
}

}  // namespace dsched::cli
