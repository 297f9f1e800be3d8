// SPDX-License-Identifier: Apache-2.0
// dsched-run: runs a program or a batch, resumes an execution, or says what a run would do.

#include "cli/batch_command.h"
#include "cli/detach.h"
#include "cli/imgql_command.h"
#include "cli/notify.h"
#include "cli/run_options.h"
#include "cli/run_output.h"
#include "session/run.h"

namespace {

using namespace dsched;

int run_or_look(const CLI::App& app, cli::RunCommand& command, cli::Context& context,
                const std::optional<std::vector<std::string>>& words) {
  if (!words && cli::is_to_be_shown(command) && command.language != "json")
    return cli::show_imgql(command, context);
  const bool runs_here = !command.dry_run && !command.detach;
  cli::Notify notify(runs_here ? cli::notify_command(command.notify) : std::string());
  session::RunRequest request = cli::run_request(app, command, context, words);
  const cli::RunOutput output{.program_name = words                    ? words->front()
                                              : command.program == "-" ? "standard input"
                                              : command.program.empty()
                                                  ? "execution " + command.resume
                                                  : command.program,
                              .bytes_only = request.answer.result_node.has_value(),
                              .pass_through = request.pass_through};
  if (command.detach) return cli::detach(request, command, output.program_name, context);
  const auto display =
      cli::make_display(cli::display_options(command, context, output.pass_through), 2);
  const auto show_invalid = [&](const session::InvalidProgram& invalid) {
    return cli::show(invalid, output, context);
  };
  if (command.dry_run) {
    const auto answer = session::dry_run(std::move(request), *display);
    if (const auto* invalid = std::get_if<session::InvalidProgram>(&answer)) {
      return show_invalid(*invalid);
    }
    return cli::show(std::get<wire::DryRunAnswer>(answer), context);
  }
  if (!request.answer.result_node) request.answer.with_results = !request.pass_through;
  session::Observer& observer = notify.in_front_of(*display, request.store.folder);
  const auto answer = session::run(std::move(request), observer);
  if (const auto* invalid = std::get_if<session::InvalidProgram>(&answer)) {
    return show_invalid(*invalid);
  }
  return notify.finish(cli::show(std::get<wire::RunAnswer>(answer), output, context), context);
}

}  // namespace

int main(int argc, char** argv) {
  if (cli::is_detached_process(argc, argv)) return cli::run_detached_process(argv);
  CLI::App app{"Run a graph of commands: what is known is reused, the rest runs in parallel",
               "dsched-run"};
  cli::RunCommand command;
  cli::add_run_options(app, command);
  cli::BatchOptions batch;
  cli::add_batch_options(app, batch);
  cli::add_common_options(app, command.common);
  cli::EachWords words = cli::take_words(argc, argv);
  const cli::Arguments arguments = cli::split_arguments(words.argc, argv);
  return cli::run(app, arguments, command.common, [&](cli::Context& context) {
    if (cli::is_batch(app, batch)) {
      return cli::run_batch(app, batch, command, context, std::move(words));
    }
    return run_or_look(app, command, context, arguments.after);
  });
}
