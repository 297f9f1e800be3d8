// SPDX-License-Identifier: Apache-2.0
#include "program/imgql_faults.h"

namespace dsched::imgql {

program::Refused refused(const Syntax& syntax, std::string_view main, std::vector<Fault>&& faults) {
  sort_faults(faults);
  program::Refused refused;
  for (const Fault& fault : faults) {
    const Position at = syntax.position(fault.place);
    program::Diagnostic diagnostic;
    diagnostic.code = fault.code;
    if (at.source != main) diagnostic.message = std::string(at.source) + ": ";
    diagnostic.message += fault.message;
    diagnostic.line = at.line;
    diagnostic.column = at.column;
    refused.diagnostics.push_back(std::move(diagnostic));
    refused.shown.push_back(fault_text(syntax, fault));
  }
  return refused;
}

}  // namespace dsched::imgql
