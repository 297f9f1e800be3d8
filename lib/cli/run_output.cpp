// SPDX-License-Identifier: Apache-2.0
#include "cli/run_output.h"

#include <algorithm>

#include "base/text.h"
#include "cli/bytes_output.h"
#include "session/fault_details.h"
#include "sys/terminal.h"

namespace dsched::cli {
namespace {

using engine::ExecutionStatus;

constexpr int k_messages = 2;  // standard error: what people read

Exit exit_of(const wire::RunAnswer& answer) {
  if (answer.success) return Exit::done;
  return answer.error ? exit_for(answer.error->kind) : Exit::answer_is_no;
}

// The code of the one command, as env(1) and timeout(1) give it.
int command_code(const wire::RunAnswer& answer) {
  const auto failed = std::find_if(answer.nodes.begin(), answer.nodes.end(),
                                   [](const auto& node) { return node.exit_code || node.signal; });
  constexpr int k_not_found = 127;
  constexpr int k_signal_base = 128;
  if (failed == answer.nodes.end()) {
    const bool missing =
        !answer.nodes.empty() && answer.nodes.front().failure == FailureClass::not_found;
    return missing ? k_not_found : static_cast<int>(exit_of(answer));
  }
  return failed->exit_code ? *failed->exit_code : k_signal_base + *failed->signal;
}

void tell(const std::string& text) {
  sys::screen_on(k_messages)->write(text);
}

void show_print(const wire::ResultAnswer& result, bool to_terminal) {
  write_bytes(*result.before + result.bytes + "\n", to_terminal);
}

void show_results(const wire::RunAnswer& answer) {
  constexpr int k_standard_output = 1;
  constexpr std::size_t k_shown_max = 20;  // more than that nobody reads
  const bool several = answer.results.size() > 1;
  const bool to_terminal = sys::is_terminal(k_standard_output);
  std::size_t shown = 0;
  for (const wire::ResultAnswer& result : answer.results) {
    if (result.before) {
      show_print(result, to_terminal);
      continue;
    }
    if (result.bytes.empty()) continue;
    if (to_terminal && ++shown > k_shown_max) continue;
    if (several) write_out("== " + escape_for_terminal(result.node_id) + " ==\n");
    write_bytes(result.bytes, to_terminal);
    if (!to_terminal && several && result.bytes.back() != '\n') write_out("\n");
    if (result.truncated) {
      write_out("\n… " + std::to_string(result.size - result.bytes.size()) +
                " more bytes; all of them: --result " + escape_for_terminal(result.node_id) + '\n');
    }
  }
  if (shown > k_shown_max) {
    write_out("… and " + std::to_string(shown - k_shown_max) +
              " more results; one of them: --result NODE\n");
  }
}

}  // namespace

int show(const wire::RunAnswer& answer, const RunOutput& output, const Context& context) {
  if (!output.bytes_only && !output.pass_through) {
    if (context.json) {
      wire::write_answer(answer, context.layout(), write_out);
    } else {
      show_results(answer);
    }
  }
  const bool stopped = answer.status == ExecutionStatus::interrupted;
  // What a command that passes through has to say, it said itself, if it could be started.
  const bool has_spoken =
      output.pass_through && !answer.nodes.empty() &&
      (answer.nodes.front().exit_code.has_value() || answer.nodes.front().signal.has_value());
  if (answer.error && !has_spoken) {
    tell_error(context, Error(answer.error->kind, answer.error->message, answer.error->hint));
  }
  if (stopped) return interrupted_code(answer.error->message);
  return output.pass_through ? command_code(answer) : static_cast<int>(exit_of(answer));
}

int show(const wire::DryRunAnswer& answer, const Context& context) {
  if (context.json) {
    wire::write_answer(answer, context.layout(), write_out);
    return static_cast<int>(Exit::done);
  }
  for (const wire::DryRunAnswer::Node& node : answer.would_run) {
    write_out("would run      " + escape_for_terminal(node.node_id) + ": " +
              escape_for_terminal(node.explanation) + '\n');
  }
  for (const std::string& id : answer.unknown) {
    write_out("depends on it  " + escape_for_terminal(id) + '\n');
  }
  write_out(std::to_string(answer.would_run.size()) + " would run, " +
            std::to_string(answer.unknown.size()) + " depend on what runs, " +
            std::to_string(answer.would_reuse.size()) + " would be reused\n");
  return static_cast<int>(Exit::done);
}

int show_faults(const session::InvalidProgram& invalid, const std::string& program_name,
                const Context& context) {
  std::string lines;
  for (const std::string& text : invalid.shown) lines += context.tool + ": " + text + '\n';
  tell(lines);
  if (context.json) {
    const std::size_t faults = invalid.diagnostics.size();
    const wire::ErrorAnswer error{ErrorKind::invalid_program,
                                  program_name + ": " +
                                      (faults == 1 ? invalid.diagnostics.front().message
                                                   : std::to_string(faults) + " faults"),
                                  {},
                                  session::details_of(invalid.diagnostics, session::Missing::null)};
    wire::write_error(error, context.layout(), write_out);
  }
  return static_cast<int>(Exit::usage);
}

int show(const session::InvalidProgram& invalid, const RunOutput& output, const Context& context) {
  if (!invalid.shown.empty()) return show_faults(invalid, output.program_name, context);
  session::InvalidProgram told = invalid;
  for (const program::Diagnostic& diagnostic : invalid.diagnostics) {
    std::string& text = told.shown.emplace_back(escape_for_terminal(output.program_name));
    if (diagnostic.line > 0) {
      text += ':' + std::to_string(diagnostic.line) + ':' + std::to_string(diagnostic.column);
    }
    text += ": " + escape_for_terminal(diagnostic.message);
    if (!diagnostic.hint.empty()) text += " (" + escape_for_terminal(diagnostic.hint) + ')';
  }
  return show_faults(told, output.program_name, context);
}

}  // namespace dsched::cli
