// SPDX-License-Identifier: Apache-2.0
#include "cli/notify.h"

#include <cstdlib>
#include <filesystem>

#include "cli/config.h"

namespace dsched::cli {
namespace {

// Long enough for a message to go out, in a container too that ends with its main process.
constexpr Nanoseconds k_notify_patience = std::chrono::seconds{5};
constexpr int k_signal_codes = 128;  // exit codes above are those of signals

// The store may not be there yet.
std::string absolute_path(const std::string& folder) {
  return std::filesystem::absolute(folder).lexically_normal().string();
}

}  // namespace

std::string notify_command(const std::optional<std::string>& option) {
  if (option) return *option;
  const char* attempt = std::getenv("DSCHED_ATTEMPT_ID");
  if (attempt != nullptr && *attempt != '\0') return {};
  return read_config().notify;
}

void add_notify_option(CLI::App& app, std::optional<std::string>& option) {
  app.add_option("--notify", option,
                 "Run this shell command when an execution completes, fails or waits for approval; "
                 "the event is its standard input")
      ->type_name("COMMAND");
}

Notify::Notify(const std::string& command) {
  if (!command.empty()) notifier_ = std::make_unique<sys::Notifier>(command);
}

session::Observer& Notify::in_front_of(session::Observer& display,
                                       const std::string& store_folder) {
  if (!notifier_) return display;
  notices_ = std::make_unique<session::Notices>(display, *notifier_, absolute_path(store_folder));
  return *notices_;
}

void Notify::fix_it_ended(const wire::FixAnswer& answer, const std::string& store_folder) {
  if (!notifier_ || answer.is_success()) return;
  notifier_->tell(wire::notice_line(answer, absolute_path(store_folder)));
}

int Notify::finish(int exit_code, const Context& context) {
  if (!notifier_) return exit_code;
  const bool is_in_a_hurry = exit_code > k_signal_codes;
  const auto problems =
      session::wait_for_notifier(*notifier_, is_in_a_hurry ? Nanoseconds{0} : k_notify_patience);
  for (const std::string& problem : problems) {
    if (context.options.quiet) break;
    tell_error(context, Error(ErrorKind::environment, "warning: --notify: " + problem));
  }
  return exit_code;
}

}  // namespace dsched::cli
