// SPDX-License-Identifier: Apache-2.0
#include "cli/store_command.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/time_text.h"
#include "cli/opened_store.h"
#include "journal/audit.h"
#include "session/recorded_results.h"
#include "session/retention.h"
#include "session/store_operations.h"
#include "store/verify.h"

namespace dsched::cli {
namespace {

using nlohmann::json;

struct Opened : OpenedStore {
  Opened(const StoreCommand& command, const Context& context, store::Mode mode)
      : OpenedStore(context, mode, trust_of(command)) {}

  static store::Trust trust_of(const StoreCommand& command) {
    return command.trust_store ? store::Trust::adopt : store::Trust::own;
  }
};

// A document is an object in JSON text; people get it indented.
void write_document(const Context& context, const std::string& members) {
  json document = json::parse(members);
  document["success"] = document.value("success", true);
  const bool compact = context.json && context.layout() == wire::JsonWriter::Layout::compact;
  write_out(document.dump(compact ? -1 : 2) + '\n');
}

session::ByteRange range_of(const std::string& text) {
  if (text.empty()) return {};
  const auto range = session::byte_range_from(text);
  if (!range) throw Error(ErrorKind::usage, "--range " + text + ": not START:LEN");
  return *range;
}

int show_list(const StoreCommand& command, Context& context) {
  Opened opened(command, context, store::Mode::read_only);
  opened.store.results().each([&](const store::Record& record) {
    if (!command.dag.empty() && record.dag_id != command.dag) return;
    if (context.json) return write_out(session::metadata_json(record) + '\n');
    write_out(to_hex(record.key).substr(0, 16) + "  " + std::to_string(record.content.size) + "  " +
              escape_for_terminal(record.dag_id) + '/' + escape_for_terminal(record.node_id) +
              '\n');
  });
  return 0;
}

int get(const StoreCommand& command, Context& context) {
  const session::ByteRange range = range_of(command.range);
  Opened opened(command, context, store::Mode::existing);
  (void)session::get_named_result(opened.store, opened.journal, command.name, range, 1);
  return 0;
}

int put(const StoreCommand& command, Context& context) {
  Opened opened(command, context, store::Mode::create);
  store::NewResult about;
  about.dag_id = command.dag;
  const store::Record record = session::put_result(opened.store, command.name, 0, about);
  write_document(context, session::metadata_json(record));
  return 0;
}

int meta(const StoreCommand& command, Context& context) {
  Opened opened(command, context,
                command.is_set_given ? store::Mode::existing : store::Mode::read_only);
  session::JournalNames names(opened.store, opened.journal);
  const Digest key = session::resolve_result(opened.store, names, command.name);
  store::Storage storage(opened.store);
  if (command.is_set_given) (void)storage.update_metadata(key, command.set);
  const auto record = storage.get_metadata(key);
  if (!record) {
    throw Error(ErrorKind::not_found,
                "result " + escape_for_terminal(command.name) + ": there is no such result");
  }
  write_document(context, session::metadata_json(*record));
  return 0;
}

int remove(const StoreCommand& command, Context& context) {
  Opened opened(command, context, store::Mode::existing);
  session::JournalNames names(opened.store, opened.journal);
  json removed = json::array();
  json not_found = json::array();
  for (const std::string& name : command.names) {
    try {
      const Digest key = session::resolve_result(opened.store, names, name);
      const bool was_there = opened.store.results().remove(key);
      (was_there ? removed : not_found).push_back(was_there ? to_hex(key) : name);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::not_found) throw;
      not_found.push_back(name);
    }
  }
  const bool all = not_found.empty();
  json answer{{"success", all}, {"removed", removed}, {"not_found", not_found}};
  if (!all) {
    const Error error(ErrorKind::not_found, "result " + not_found.front().get<std::string>() +
                                                ": there is no such result");
    tell_error(context, error);
    answer["error"] = {
        {"kind", "not_found"}, {"message", error.what()}, {"details", json::array()}};
  }
  write_document(context, answer.dump(-1, ' ', false, json::error_handler_t::replace));
  return all ? 0 : static_cast<int>(Exit::answer_is_no);
}

// A database that cannot even be opened is dropped whole: bytes in files stay, the rest is made
// anew.
void drop_unreadable_database(const StoreCommand& command, Context& context) {
  try {
    const Opened opened(command, context, store::Mode::existing);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::damaged) throw;
    if (!command.repair) {
      throw Error(error.kind(), error.what(),
                  "drop what cannot be trusted with: dsched-store verify --repair");
    }
    tell_error(context, error);
    const sys::PosixClock clock;
    sys::SystemEntropy entropy;
    sys::PosixFiles files;
    sys::PosixHost host;
    const store::World world{.clock = clock, .entropy = entropy, .files = files, .host = host};
    (void)store::discard_database(
        Opened::options(context, store::Mode::existing, Opened::trust_of(command)), world);
  }
}

int check_store(const StoreCommand& command, Context& context) {
  drop_unreadable_database(command, context);
  Opened opened(command, context, store::Mode::existing);
  const auto repair = command.repair ? store::Repair::drop : store::Repair::none;
  store::Verification verification = store::verify(opened.store, repair);
  // Never repaired: what shows that somebody changed the audit is not to be taken away.
  for (std::string& fault : journal::verify_audit(opened.store.database())) {
    verification.damage.push_back({store::Damage::Kind::audit, std::move(fault)});
  }
  const bool well = verification.damage.size() == (command.repair ? verification.repaired : 0);
  json answer = json::parse(session::verification_json(verification));
  answer["success"] = well;
  answer["audit_head"] = journal::audit_head_text(opened.store.database());
  if (!well) {
    const Error error(
        ErrorKind::damaged,
        "store " + opened.store.identity().folder + ": " +
            std::to_string(verification.damage.size()) +
            " damaged: " + verification.damage.front().what,
        command.repair ? "" : "drop what cannot be trusted with: dsched-store verify --repair");
    tell_error(context, error);
    answer["error"] = {{"kind", "damaged"}, {"message", error.what()}, {"details", json::array()}};
  }
  write_document(context, answer.dump(-1, ' ', false, json::error_handler_t::replace));
  return static_cast<int>(well ? Exit::done : Exit::damaged);
}

int clean(const StoreCommand& command, Context& context) {
  store::GcOptions options;
  if (!command.max_size.empty()) {
    options.bytes_max = session::size_from_text(command.max_size);
    if (!options.bytes_max) {
      throw Error(ErrorKind::usage, "--max-size " + command.max_size + ": not a size such as 500M");
    }
  }
  if (!command.older_than.empty()) {
    options.older_than = duration_from_text(command.older_than);
    if (!options.older_than) {
      throw Error(ErrorKind::usage,
                  "--older-than " + command.older_than + ": not an age such as 30d");
    }
  }
  Opened opened(command, context, store::Mode::existing);
  write_document(context,
                 session::gc_json(session::collect(opened.store, opened.journal, options)));
  return 0;
}

}  // namespace

void add_store_commands(CLI::App& app, StoreCommand& command) {
  // Not required, so that a wrong name is told as such and not as a missing one.
  app.require_subcommand(0, 1);
  command.call = [&app](const StoreCommand&, Context&) -> int { fail_without_subcommand(app); };
  app.fallthrough();
  app.add_flag("--trust-store", command.trust_store, "Use a store that was made elsewhere");
  const auto add = subcommands_of(app, command);
  const auto add_name = [&](CLI::App* sub, const char* what) {
    sub->add_option("RESULT", command.name, what)->required()->type_name("");
  };
  add("ls", "One line per result", show_list)
      ->add_option("--dag", command.dag, "Only results of this DAG")
      ->type_name("ID");
  CLI::App* get_command = add("get", "Write a result's bytes to standard output", get);
  add_name(get_command, "A key, a unique beginning of it, or EXECUTION/NODE_ID");
  get_command->add_option("--range", command.range, "A part of the bytes")->type_name("START:LEN");
  CLI::App* put_command = add("put", "Store standard input", put);
  put_command->add_option("KEY", command.name, "64 hexadecimal digits; - is the content's own hash")
      ->required()
      ->type_name("");
  put_command->add_option("--dag", command.dag, "Note it as a result of this DAG")->type_name("ID");
  CLI::App* meta_command = add("meta", "What is known about a result", meta);
  add_name(meta_command, "As for get");
  meta_command
      ->add_option_function<std::string>(
          "--set",
          [&command](const std::string& text) {
            command.set = text;
            command.is_set_given = true;
          },
          "Replace its own metadata, a JSON object")
      ->type_name("JSON");
  add("rm", "Forget results", remove)
      ->add_option("RESULT", command.names, "As for get")
      ->required()
      ->type_name("");
  add("verify", "Compare everything with its hash", check_store)
      ->add_flag("--repair", command.repair, "Drop what cannot be trusted");
  CLI::App* gc_command = add("gc", "Remove what nothing refers to", clean);
  gc_command->add_option("--max-size", command.max_size, "Keep at most this much")
      ->type_name("SIZE");
  gc_command->add_option("--older-than", command.older_than, "Remove what was unused for this long")
      ->type_name("AGE");
}

}  // namespace dsched::cli
