// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "base/time_text.h"
#include "cli/stats_command.h"
#include "cli/stats_text.h"
#include "journal/audit.h"
#include "wire/cancel_request.h"

// dsched-stats audit: lines of who did what.

namespace dsched::cli {
namespace {

// Records name executions by number; people may name them as everywhere.
std::string object_of(const std::string& text, journal::Journal& journal) {
  const auto node = wire::node_name_from(text);
  const auto record = journal.find(node ? node->execution : text);
  if (!record) return text;
  const std::string number = std::to_string(record->number.value);
  return node ? number + '/' + node->node_id : number;
}

void text_or_null(wire::JsonWriter& out, std::string_view name, const std::string& text) {
  out.key(name);
  if (text.empty()) {
    out.null();
  } else {
    out.text(as_utf8(text));
  }
}

std::string line_of(const journal::AuditRecord& record) {
  wire::JsonWriter out;
  out.begin_object();
  out.key("time").text(to_rfc3339(record.at));
  text_or_null(out, "actor", record.actor);
  text_or_null(out, "action", record.action);
  text_or_null(out, "object", record.object);
  text_or_null(out, "outcome", record.outcome);
  out.key("details").raw(record.details);
  out.key("hash").text(to_hex(record.hash));
  out.end_object();
  return out.take();
}

}  // namespace

int stats_audit(const StatsCommand& command, Context& context) {
  OpenedStore opened = open_for_stats(command, context);
  journal::AuditQuery query;
  if (!command.since.empty()) query.since = since_from(command.since, opened.clock.wall());
  if (!command.object.empty()) query.object = object_of(command.object, opened.journal);
  using Align = Column::Align;
  using Fit = Column::Fit;
  Table table({{"TIME", Align::left, Fit::whole},
               {"ACTOR", Align::left, Fit::whole},
               {"ACTION", Align::left, Fit::whole},
               {"OBJECT", Align::left, Fit::shrinks},
               {"OUTCOME", Align::left, Fit::whole},
               {"DETAILS", Align::left, Fit::shrinks}},
              output_style(context), output_width(), write_out);
  const auto show = [&](const journal::AuditRecord& record) {
    if (context.json) return write_out(line_of(record) + '\n');
    table.add({to_rfc3339(record.at), record.actor, record.action, record.object, record.outcome,
               record.details});
  };
  journal::each_audit(opened.store.database(), query, show);
  table.finish();
  return 0;
}

}  // namespace dsched::cli
