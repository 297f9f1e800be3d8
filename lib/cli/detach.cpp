// SPDX-License-Identifier: Apache-2.0
#include "cli/detach.h"

#include <array>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/notify.h"
#include "cli/run_output.h"
#include "session/detach.h"
#include "session/run.h"
#include "sys/streams.h"

namespace dsched::cli {
namespace {

using nlohmann::json;

constexpr const char* k_title_word = "--detached";
// As long as an id, which takes its place.
constexpr const char* k_id_to_come = "00000000-0000-0000-0000-000000000000";
constexpr int k_detached_messages = 2;

session::LogSettings log_settings(const RunCommand& command, const std::string& program_name,
                                  const Context& context) {
  const bool chosen = command.progress != "auto" && command.progress != "bar";
  return {.program_name = program_name,
          .progress = chosen ? command.progress : "plain",
          .color = context.options.color == ColorChoice::always ? "always" : "never",
          .quiet = context.options.quiet,
          .notify = notify_command(command.notify)};
}

[[noreturn]] void fail_unanswered(const sys::ProcessEnd& end) {
  const std::string how = end.signal ? "signal " + std::to_string(*end.signal)
                                     : "exit code " + std::to_string(*end.exit_code);
  throw Error(ErrorKind::environment,
              "--detach: the process that was to go on ended before its execution was on record (" +
                  how + ")");
}

int answer_submitted(const json& reply, const Context& context) {
  const wire::SubmittedAnswer answer{.execution_id = reply.at("execution_id"),
                                     .execution = reply.at("execution")};
  if (context.json) {
    wire::write_answer(answer, context.layout(), write_out);
  } else {
    write_out("execution " + std::to_string(answer.execution) + " submitted: " +
              answer.execution_id + "\nlog: " + reply.at("log").get<std::string>() + '\n');
  }
  return static_cast<int>(Exit::done);
}

std::string reply_text(const wire::SubmittedAnswer& answer, const sys::LogFile& log) {
  return json{{"success", true},
              {"execution_id", answer.execution_id},
              {"execution", answer.execution},
              {"log", escape_for_terminal(log.path())}}
      .dump();
}

int run_handed_over(Context& context, char* title) {
  // The reply is a document; after it, what is said goes to the log, which is for people.
  context.json = true;
  auto [request, log] = session::unpack(sys::begin_detached(), environment_now());
  Notify notify(log.notify);
  DisplayOptions display;
  display.mode = progress_mode_from(log.progress).value_or(ProgressMode::plain);
  display.color = log.color == "always" ? ColorChoice::always : ColorChoice::never;
  if (log.quiet) display.volume = DisplayOptions::Volume::quiet;
  const auto shown = make_display(display, k_detached_messages);
  session::Observer& observer = notify.in_front_of(*shown, request.store.folder);
  const auto recorded = [&](const wire::SubmittedAnswer& answer, sys::LogFile& file) {
    std::memcpy(title, answer.execution_id.data(),
                std::min(std::strlen(title), answer.execution_id.size()));
    sys::cut_loose(file, reply_text(answer, file));
    context.json = false;
  };
  const auto answer = session::run_detached(std::move(request), observer, recorded);
  const RunOutput output{.program_name = log.program_name, .bytes_only = true};
  if (const auto* invalid = std::get_if<session::InvalidProgram>(&answer)) {
    return show(*invalid, output, context);
  }
  return notify.finish(show(std::get<wire::RunAnswer>(answer), output, context), context);
}

}  // namespace

int detach(const session::RunRequest& request, const RunCommand& command,
           const std::string& program_name, const Context& context) {
  session::refuse_to_detach_in_node(request.environment);
  const sys::HandedOver handed =
      session::pack(request, log_settings(command, program_name, context));
  const std::array<std::string, 3> title{"dsched-run", k_title_word, k_id_to_come};
  const sys::DetachedChild started = sys::start_detached(
      title, session::detached_environment(request.environment), handed.settings, handed.text);
  const std::string reply = sys::read_all(started.reply.get(), "--detach: reply");
  const json document = json::parse(reply, nullptr, false);
  if (document.is_object() && document.value("success", false)) {
    return answer_submitted(document, context);
  }
  const sys::ProcessEnd end = sys::reap(started.child);
  if (!document.is_object() || !end.exit_code) fail_unanswered(end);
  // It said what is wrong on standard error itself.
  if (context.json) write_out(reply);
  return *end.exit_code;
}

bool is_detached_process(int argc, char** argv) {
  return argc == 3 && std::string_view(argv[1]) == k_title_word &&
         std::strlen(argv[2]) == std::strlen(k_id_to_come);
}

int run_detached_process(char** argv) {
  CLI::App app{"", "dsched-run"};
  CommonOptions options;
  return run(app, {}, options, [&](Context& context) { return run_handed_over(context, argv[2]); });
}

}  // namespace dsched::cli
