// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"
#include "executor/posix_workspace.h"
#include "session/attempt_maker.h"
#include "session/prepare.h"
#include "session/run.h"

// dsched-run --dry-run: walks the graph once, in topological order, and asks the examiner.

namespace dsched::session {
namespace {

// A dry run starts no command, so nobody asks for files.
class NoArgumentFiles final : public ArgumentFiles {
 public:
  std::string file_for(const std::string&, std::string_view) override { return refuse(); }
  std::string file_for(const std::string&, store::BlobReader&) override { return refuse(); }

 private:
  static std::string refuse() {
    DSCHED_ASSERT(false, "a dry run makes no files");
    return {};
  }
};

enum class Fate : std::uint8_t { known, runs, unknown };

class DryRun {
 public:
  DryRun(Prepared& prepared, Examiner& examiner, AttemptMaker& maker, Values& values,
         ProgramValues& program_values)
      : program_values_(program_values),
        prepared_(prepared),
        fan_out_(prepared.dag, values, prepared.inner_targets, prepared.partly_wanted),
        examiner_(examiner),
        maker_(maker),
        values_(values),
        fate_(prepared.dag.size(), Fate::known) {}

  wire::DryRunAnswer walk() {
    std::vector<bool> wanted(prepared_.dag.size(), false);
    for (const NodeIndex node : prepared_.wanted) wanted[node.value] = true;
    answer_.dag_id = prepared_.dag.dag_id();
    for (const NodeIndex node : prepared_.dag.topological_order()) {
      if (wanted[node.value]) visit(node);
    }
    return std::move(answer_);
  }

 private:
  void visit(NodeIndex node) {
    const std::string id(prepared_.dag.node(node).node_id);
    const auto stream = prepared_.dag.stream_of(node);
    const bool reads = stream && fate_[stream->value] == Fate::runs;
    for (const NodeIndex before : prepared_.dag.predecessors(node)) {
      if (fate_[before.value] == Fate::known || (reads && before == *stream)) continue;
      fate_[node.value] = Fate::unknown;
      answer_.unknown.push_back(id);
      return;
    }
    if (reads) {
      fate_[node.value] = Fate::runs;
      answer_.would_run.push_back(
          {id, command_text(prepared_.dag, node),
           "reads the stream of " + std::string(prepared_.dag.node(*stream).node_id)});
      return;
    }
    if (prepared_.dag.node(node).operation == dag::Operation::map) return visit_map(node);
    if (prepared_.dag.node(node).operation == dag::Operation::primitive) {
      return take_evaluated(node, program_values_.evaluate(node));
    }
    Verdict verdict = examiner_.examine(node);
    if (const auto* reusable = std::get_if<Reusable>(&verdict)) {
      const store::Record& record = reusable->record;
      values_.set_result(node, {record.content, record.digest, record.key});
      answer_.would_reuse.push_back(id);
      return;
    }
    const bool is_looked_at = prepared_.dag.node(node).operation == dag::Operation::list_folder;
    if (is_looked_at && std::holds_alternative<NotReusable>(verdict)) {
      return values_.set_value(node, examiner_.listing());  // to look is all that it does
    }
    std::string why;
    if (const auto* problem = std::get_if<executor::InputProblem>(&verdict)) {
      why = problem->error;
      fate_[node.value] = Fate::runs;
    } else {
      why = std::get<NotReusable>(verdict).explanation;
      evaluate_or_run(node);
    }
    answer_.would_run.push_back({id, command_text(prepared_.dag, node), std::move(why)});
  }

  // The list is known, so the elements are; what becomes of the map follows from them.
  void visit_map(NodeIndex map) {
    dag::Dag& dag = prepared_.dag;
    const std::string id(dag.node(map).node_id);
    const auto would_run = [&](std::string why) {
      answer_.would_run.push_back({id, command_text(dag, map), std::move(why)});
    };
    std::string why_not;
    auto elements = elements_of_map(map, why_not);
    if (!elements) {
      fate_[map.value] = Fate::runs;
      return would_run(why_not);
    }
    const dag::Expansion expansion = dag.expand(map, static_cast<std::uint32_t>(elements->size()));
    values_.grow(dag.size());
    fate_.resize(dag.size(), Fate::known);
    for (std::uint32_t i = 0; i < expansion.elements; ++i) {
      values_.set_value(expansion.value(i), std::move((*elements)[i]));
    }
    if (const auto missing = fan_out_.missing(expansion)) {
      fate_[map.value] = Fate::runs;
      return would_run(*missing);
    }
    const std::size_t running = answer_.would_run.size();
    const std::vector<engine::NodePlan> plans = fan_out_.plan(expansion);
    for (std::uint32_t i = expansion.elements; i < plans.size(); ++i) {
      if (plans[i].wanted) visit({expansion.first.value + i});
    }
    if (fan_out_.wanted(map) == engine::Expanded::Wanted::some) return;
    if (dag.maps().template_of(map).kind != dag::MapKind::bytes) {
      return gather_values(map, running == answer_.would_run.size());
    }
    ResultArray results;
    for (std::uint32_t i = 0; i < expansion.elements; ++i) {
      const NodeIndex node = expansion.result(i);
      std::optional<std::string> bytes;
      if (fate_[node.value] == Fate::known) bytes = values_.bytes(node, k_list_bytes_max);
      if (!bytes) {
        fate_[map.value] = Fate::unknown;
        answer_.unknown.push_back(id);
        return;
      }
      results.add(*bytes, result_kind(dag.node(node)));
    }
    values_.set_value(map, results.take());
    if (running == answer_.would_run.size()) return answer_.would_reuse.push_back(id);
    would_run("made of the results of its elements");
  }

  // Of a list that is known; empty: `why_not` says what is wrong with it.
  std::optional<std::vector<std::string>> elements_of_map(NodeIndex map, std::string& why_not) {
    const NodeIndex list = prepared_.dag.arguments(map).front();
    if (prepared_.dag.maps().template_of(map).kind != dag::MapKind::bytes) {
      const auto value = program_values_.value(list);
      why_not = "its list cannot be read";
      if (!value) return std::nullopt;
      auto cut = program_values_.elements(map, *value);
      if (const auto* none = std::get_if<NoValue>(&cut)) why_not = none->error;
      auto* const elements = std::get_if<std::vector<std::string>>(&cut);
      return elements == nullptr ? std::nullopt : std::optional(std::move(*elements));
    }
    const auto bytes = values_.bytes(list, k_list_bytes_max);
    auto cut = elements_of(bytes ? *bytes : std::string_view());
    auto* const elements = std::get_if<Elements>(&cut);
    why_not = bytes ? "its list has too many elements" : "its list cannot be read";
    if (!bytes || elements == nullptr) return std::nullopt;
    return std::move(elements->values);
  }

  void gather_values(NodeIndex map, bool is_all_reused) {
    const dag::Expansion& expansion = *prepared_.dag.maps().of(map);
    for (std::uint32_t i = 0; i < expansion.elements; ++i) {
      if (fate_[expansion.result(i).value] == Fate::known) continue;
      fate_[map.value] = Fate::unknown;
      return answer_.unknown.push_back(std::string(prepared_.dag.node(map).node_id));
    }
    take_evaluated(map, program_values_.gather(map));
    if (is_all_reused) {
      answer_.would_reuse.push_back(std::string(prepared_.dag.node(map).node_id));
    }
  }

  // What is worked out in passing is neither run nor reused.
  void take_evaluated(NodeIndex node, ProgramValues::Evaluated&& evaluated) {
    if (auto* bytes = std::get_if<std::string>(&evaluated)) {
      return values_.set_value(node, std::move(*bytes));
    }
    fate_[node.value] = Fate::runs;
    const auto* none = std::get_if<NoValue>(&evaluated);
    answer_.would_run.push_back({std::string(prepared_.dag.node(node).node_id),
                                 command_text(prepared_.dag, node),
                                 none != nullptr ? none->error : "result damaged"});
  }

  // A value that costs nothing is made, so that what depends on it can be judged.
  void evaluate_or_run(NodeIndex node) {
    const dag::Operation operation = prepared_.dag.node(node).operation;
    bool in_memory = operation == dag::Operation::constant || operation == dag::Operation::concat;
    for (const NodeIndex argument : prepared_.dag.arguments(node)) {
      in_memory = in_memory && values_.is_in_process(argument);
    }
    if (in_memory) {
      values_.set_value(node, maker_.evaluate(node));
    } else {
      fate_[node.value] = Fate::runs;
    }
  }

  ProgramValues& program_values_;
  Prepared& prepared_;
  FanOut fan_out_;
  Examiner& examiner_;
  AttemptMaker& maker_;
  Values& values_;
  std::vector<Fate> fate_;
  wire::DryRunAnswer answer_;
};

}  // namespace

std::variant<wire::DryRunAnswer, InvalidProgram> dry_run(RunRequest request, Observer&) {
  sys::PosixClock clock;
  sys::SystemEntropy entropy;
  sys::PosixFiles files;
  sys::PosixHost host;
  const store::World world{.clock = clock, .entropy = entropy, .files = files, .host = host};
  if (!request.program) throw Error(ErrorKind::usage, "--dry-run needs a program");
  auto prepared = prepare(*request.program, request);
  if (auto* invalid = std::get_if<InvalidProgram>(&prepared)) return std::move(*invalid);
  Prepared& plan = std::get<Prepared>(prepared);
  request.store.mode = store::Mode::read_only;
  request.run.explain = true;
  store::Store store(request.store, world);
  store.file_digests().load();
  NoArgumentFiles argument_files;
  Values values(plan.dag.size(), store.blobs(), argument_files);
  const Environment environment(request.environment, store.identity().secret);
  executor::FileExaminer file_examiner(request.folder, store.file_digests(), clock);
  executor::PosixWorkspace workspace(file_examiner, store.blobs());
  ProgramValues program_values(plan.dag, values);
  Examiner examiner(
      {plan.dag, store, workspace, environment, values, program_values, request.folder},
      request.run, Examiner::Effects::none);
  examiner.set_operations(plan.operations);
  const AttemptContext context{request.folder, store.identity().folder, {}, {}, false};
  AttemptMaker maker(plan.dag, context, environment, examiner, values, program_values);
  return DryRun(plan, examiner, maker, values, program_values).walk();
}

}  // namespace dsched::session
