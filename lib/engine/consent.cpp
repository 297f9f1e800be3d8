// SPDX-License-Identifier: Apache-2.0
#include "engine/consent.h"

#include "base/error.h"
#include "base/text.h"

namespace dsched::engine {
namespace {

void append_list(std::string& out, std::span<const std::string_view> texts) {
  out += '[';
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, texts[i]);
  }
  out += ']';
}

void append_arguments(std::string& out, const dag::Dag& dag, NodeIndex node,
                      std::span<const Digest> digests) {
  const auto arguments = dag.arguments(node);
  DSCHED_ASSERT(arguments.size() == digests.size(), "each argument has its digest");
  out += '[';
  for (std::size_t i = 0; i < digests.size(); ++i) {
    out += i > 0 ? ",[" : "[";
    append_json_string(out, dag.node(arguments[i]).node_id);
    out += ",\"";
    append_hex(out, digests[i]);
    out += "\"]";
  }
  out += ']';
}

}  // namespace

std::string consent_text(const dag::Dag& dag, NodeIndex node, std::span<const Digest> arguments) {
  const dag::Settings& settings = dag.settings(node);
  const dag::Approval approval = settings.approval.value_or(dag::Approval{});
  std::string out = R"({"approvers":)";
  append_list(out, approval.approvers);
  out += R"(,"arguments":)";
  append_arguments(out, dag, node, arguments);
  out += R"(,"environment":{)";
  bool first = true;
  for (const auto& [name, value] : settings.environment) {
    if (!first) out += ',';
    first = false;
    append_json_string(out, name);
    out += ':';
    append_json_string(out, value);
  }
  out += R"(},"environment_from":)";
  append_list(out, settings.environment_from);
  out += R"(,"operation":)";
  append_json_string(out, dag.operation_name(node));
  out += R"(,"outputs":)";
  append_list(out, settings.outputs);
  out += R"(,"parameters":)";
  out += dag.node(node).parameters;
  out += R"(,"reason":)";
  append_json_string(out, approval.reason);
  out += R"(,"secret_environment":)";
  append_list(out, settings.secret_environment);
  out += '}';
  return out;
}

Digest consent_digest(const dag::Dag& dag, NodeIndex node, std::span<const Digest> arguments) {
  return sha256(consent_text(dag, node, arguments));
}

}  // namespace dsched::engine
