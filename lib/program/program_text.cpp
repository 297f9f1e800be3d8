// SPDX-License-Identifier: Apache-2.0
#include "program/program_text.h"

#include "program/imgql_bundle.h"
#include "program/imgql_faults.h"
#include "program/imgql_lower.h"

namespace dsched::program {
namespace {

Refused refused(std::string code, std::string message) {
  Diagnostic diagnostic;
  diagnostic.code = std::move(code);
  diagnostic.message = std::move(message);
  return {{std::move(diagnostic)}, {}};
}

std::variant<dag::Dag, Refused> read_imgql(std::string_view text, const Options& options) {
  auto bundle = imgql::read_bundle(text);
  if (!bundle) return refused("syntax", "the recorded program is damaged");
  if (!options.set.empty()) {
    return refused("unknown_variable", "--set " + options.set.front().first +
                                           ": a VoxLogica program has no variables to set");
  }
  imgql::BundledFiles files(*bundle);
  std::vector<imgql::Fault> faults;
  const std::string name = bundle->main.name;
  imgql::Syntax syntax =
      imgql::read_program(std::move(bundle->main), files, bundle->dialect, faults);
  std::optional<dag::Dag> dag;
  const auto texts = std::make_shared<imgql::LoweredTexts>();
  {
    const imgql::Reduced reduced = imgql::reduce(syntax, bundle->variables, faults);
    if (faults.empty()) {
      // Of a large program this is half of the memory, and nothing needs it any more.
      std::vector<imgql::Expr>().swap(syntax.exprs);
      std::vector<imgql::ExprId>().swap(syntax.children);
      std::vector<imgql::Command>().swap(syntax.commands);
      dag = imgql::lower({reduced.graph, reduced.goals, syntax, bundle->dag_id, texts}, faults);
    }
  }
  if (!dag) return imgql::refused(syntax, name, std::move(faults));
  texts->sources = std::move(syntax.sources);
  return std::move(*dag);
}

}  // namespace

Language language_of(std::string_view text) {
  return imgql::is_bundle(text) ? Language::imgql : Language::json;
}

std::variant<dag::Dag, Refused> read_program(Source source, const Options& options) {
  if (language_of(source.text) == Language::imgql) return read_imgql(source.text, options);
  auto read = read_json_program(std::move(source), options);
  if (auto* dag = std::get_if<dag::Dag>(&read)) return std::move(*dag);
  return Refused{std::move(std::get<std::vector<Diagnostic>>(read)), {}};
}

}  // namespace dsched::program
