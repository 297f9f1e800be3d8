// SPDX-License-Identifier: Apache-2.0
#include "program/imgql_lower.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "base/text.h"
#include "dag/builder.h"
#include "program/imgql_lines.h"
#include "program/imgql_shapes.h"

namespace dsched::imgql {
namespace {

// Room for ~NUMBER and :file within the 255 bytes of an id.
constexpr std::size_t k_name_bytes_max = 200;

bool may_be_id(std::string_view name) {
  return !name.empty() && name.size() <= k_name_bytes_max && !has_control(name);
}

// "vox1.+" without its namespace.
std::string_view short_name(std::string_view operator_name) {
  return operator_name.substr(operator_name.find('.') + 1);
}

class Lowering {
 public:
  Lowering(const ToLower& what, std::vector<Fault>& faults)
      : what_(what),
        graph_(what.graph),
        faults_(faults),
        bodies_(graph_, faults),
        shapes_(graph_, bodies_, faults),
        lines_(what.syntax),
        builder_(what.texts),
        needed_(graph_.size(), 0),
        ids_(graph_.size()) {}

  std::optional<dag::Dag> run() {
    const std::size_t before = faults_.size();
    set_names();
    mark_needed();
    if (faults_.size() > before || is_too_large()) return std::nullopt;
    dag::Settings shell;
    shell.cache = true;
    shell.follows_files = true;
    shell_settings_ = builder_.add_settings(std::move(shell));
    for (NodeId node = 0; node < graph_.size(); ++node) {
      if ((needed_[node] & k_file) != 0) add_node({node, true});
      if ((needed_[node] & k_value) != 0) add_node({node});
    }
    add_goals();
    if (faults_.size() > before) return std::nullopt;
    auto built = std::move(builder_).build();
    if (auto* dag = std::get_if<dag::Dag>(&built)) return std::move(*dag);
    for (const dag::Fault& fault : std::get<dag::Faults>(built).faults) {
      faults_.push_back({"E_PARSE", 0, fault.message});
    }
    return std::nullopt;
  }

 private:
  static constexpr std::uint8_t k_value = 1;
  static constexpr std::uint8_t k_file = 2;

  void set_names() {
    builder_.set_names(keep(may_be_id(what_.dag_id) ? what_.dag_id : "program"), {});
    std::vector<std::string_view> sources;
    for (const Source& source : what_.syntax.sources) sources.push_back(keep(source.name));
    builder_.set_sources(std::move(sources));
  }

  void need(Ref ref) {
    const std::uint8_t what = ref.is_file ? k_file : k_value;
    needed_[ref.node] = static_cast<std::uint8_t>(needed_[ref.node] | what);
  }

  // From the goals down: what a node needs has a smaller number.
  void mark_needed() {
    for (const Goal& goal : what_.goals) need({goal.node});
    for (NodeId node = static_cast<NodeId>(graph_.size()); node-- > 0;) {
      for (const bool is_file : {false, true}) {
        if ((needed_[node] & (is_file ? k_file : k_value)) == 0) continue;
        ++count_;
        for (const Ref one : bodies_.needs({node, is_file})) need(one);
      }
    }
  }

  bool is_too_large() {
    if (count_ + what_.goals.size() <= dag::k_nodes_max) return false;
    faults_.push_back(
        {"E_PARSE", 0, "the program has more than " + std::to_string(dag::k_nodes_max) + " nodes"});
    return true;
  }

  std::string_view keep(std::string_view text) { return what_.texts->texts.keep(text); }

  // One copy of equal texts: most nodes have one of a few.
  std::string_view keep_once(std::string_view text) {
    if (text == "{}") return "{}";
    const auto known = kept_.find(text);
    if (known != kept_.end()) return *known;
    return *kept_.insert(keep(text)).first;
  }

  // True when it was not used before; its text must stay.
  bool use(std::string_view name) {
    const std::uint32_t hash = hash_of(name);
    const auto is_same = [&](std::uint32_t number) { return used_[number] == name; };
    if (used_index_.find(hash, is_same) != FlatIndex::k_none) return false;
    used_index_.insert(hash, static_cast<std::uint32_t>(used_.size()));
    used_.push_back(name);
    return true;
  }

  std::string_view unique(std::string_view name) {
    if (use(name)) return name;
    std::uint32_t& number = repeats_[std::string(name)];
    while (true) {
      const std::string other = std::string(name) + "~" + std::to_string(number++ + 2);
      const std::string_view kept = keep(other);
      if (use(kept)) return kept;
    }
  }

  std::string place_name(std::string_view operator_name, Place place) {
    const Lines::At at = lines_.at(place);
    return std::string(short_name(operator_name)) + "@" + std::to_string(at.line) + ":" +
           std::to_string(at.column);
  }

  std::string_view id_for(Ref ref) {
    const GraphNode& what = graph_.node(ref.node);
    if (!ref.is_file && may_be_id(what.name)) return unique(what.name);
    std::string name =
        may_be_id(what.name) ? std::string(what.name) : place_name(what.operator_name, what.place);
    if (ref.is_file) name += ":file";
    const std::string_view kept = keep(name);
    return unique(kept);
  }

  std::string_view id_of(Ref ref) const {
    return ref.is_file ? file_ids_.at(ref.node) : ids_[ref.node];
  }

  void set_place(dag::Node& node, Place place) {
    const Lines::At at = lines_.at(place);
    node.line = at.line;
    if (at.source > UINT8_MAX) return;  // a line of a file that cannot be named says nothing more
    node.column = static_cast<std::uint16_t>(std::min<std::uint32_t>(at.column, UINT16_MAX));
    node.source = static_cast<std::uint8_t>(at.source);
  }

  dag::Node node_of(Ref ref, const Shape& shape) {
    dag::Node node;
    node.operation = shape.operation;
    node.parameters = keep_once(shape.parameters);
    if (dag::has_own_name(shape.operation)) {
      node.operation_name = builder_.add_operation_name(keep_once(shape.operator_name));
    }
    if (shape.operation == dag::Operation::shell) node.settings = shell_settings_;
    set_place(node, graph_.node(ref.node).place);
    return node;
  }

  void add_node(Ref ref) {
    const Shape shape = shapes_.of(ref);
    dag::NewNode added;
    added.node = node_of(ref, shape);
    added.node.node_id = id_for(ref);
    if (ref.is_file) {
      file_ids_.emplace(ref.node, added.node.node_id);
    } else {
      ids_[ref.node] = added.node.node_id;
    }
    arguments_.clear();
    for (const Ref argument : shape.arguments) arguments_.push_back(id_of(argument));
    added.arguments = arguments_;
    if (shape.elements_of) {
      added.template_index = make_template(*shape.elements_of, shape.operator_name);
    }
    builder_.add_node(added);
  }

  // The arguments of its map are the list, then what the template needs from around.
  std::uint32_t make_template(NodeId closure, std::string_view loop) {
    const Bodies::Parts& parts = bodies_.parts(closure);
    const Closure& of = graph_.closure(closure);
    dag::Template made;
    made.kind = loop == "default.filter" ? dag::MapKind::filtered : dag::MapKind::values;
    std::map<Ref, std::uint32_t> local;
    const auto argument_for = [&](Ref ref) -> dag::TemplateArgument {
      using Kind = dag::TemplateArgument::Kind;
      if (ref.node == of.parameter_node) return {Kind::element, 0};
      if (const auto found = local.find(ref); found != local.end()) {
        return {Kind::local, found->second};
      }
      const auto at = std::lower_bound(parts.outside.begin(), parts.outside.end(), ref);
      return {Kind::argument, 1 + static_cast<std::uint32_t>(at - parts.outside.begin())};
    };
    std::unordered_map<std::string, int> suffixes;
    for (const Ref ref : parts.inside) {
      const Shape shape = shapes_.of(ref);
      dag::TemplateNode node;
      node.node = node_of(ref, shape);
      for (const Ref argument : shape.arguments) node.arguments.push_back(argument_for(argument));
      if (shape.elements_of) node.inner = make_template(*shape.elements_of, shape.operator_name);
      const bool is_result = ref == Ref{of.result};
      if (is_result) {
        made.result = static_cast<std::uint32_t>(made.nodes.size());
      } else {
        std::string suffix(":");
        suffix += ref.is_file ? "file" : short_name(graph_.node(ref.node).operator_name);
        const int number = ++suffixes[suffix];
        if (number > 1) suffix += "~" + std::to_string(number);
        node.node.node_id = keep_once(suffix);
      }
      local.emplace(ref, static_cast<std::uint32_t>(made.nodes.size()));
      made.nodes.push_back(std::move(node));
    }
    return builder_.add_template(std::move(made));
  }

  // What print_primitive prints comes first, as values do before goals.
  void add_lines() {
    for (NodeId node = 0; node < graph_.size(); ++node) {
      if ((needed_[node] & k_value) == 0) continue;
      const std::string_view name = graph_.node(node).operator_name;
      if (name == "default.print_primitive") {
        builder_.add_print(dag::PrintKind::line, {}, ids_[node]);
      } else if (is_loop(name) && bodies_.is_outside(graph_.arguments(node)[1])) {
        builder_.add_print(dag::PrintKind::element_lines, {}, ids_[node]);
      } else {
        continue;
      }
      builder_.add_goal(ids_[node]);
    }
  }

  bool has_lines() const {
    for (NodeId node = 0; node < graph_.size(); ++node) {
      if (graph_.node(node).operator_name == "default.print_primitive") return true;
    }
    return false;
  }

  void add_goals() {
    if (has_lines()) add_lines();
    std::unordered_map<std::string, std::string_view> saved;  // path, and who wrote it last
    for (const Goal& goal : what_.goals) {
      if (!goal.is_save) {
        builder_.add_goal(ids_[goal.node]);
        builder_.add_print(dag::PrintKind::value, keep_once(goal.name), ids_[goal.node]);
        continue;
      }
      dag::NewNode added;
      added.node.operation = dag::Operation::save;
      std::string parameters = "{\"path\":";
      append_json_string(parameters, goal.name);
      added.node.parameters = keep(parameters + "}");
      const std::string name = "save:" + std::string(goal.name);
      added.node.node_id = unique(keep(may_be_id(name) ? name : place_name("save", goal.place)));
      set_place(added.node, goal.place);
      const std::string_view argument = ids_[goal.node];
      added.arguments = std::span(&argument, 1);
      builder_.add_node(added);
      builder_.add_goal(added.node.node_id);
      // The last one wins, as if they were written one after the other.
      std::string path = clean_relative_path(goal.name).value_or(std::string(goal.name));
      auto [before, is_first] = saved.try_emplace(std::move(path), added.node.node_id);
      if (is_first) continue;
      builder_.add_dependency({added.node.node_id, before->second});
      before->second = added.node.node_id;
    }
  }

  const ToLower& what_;
  const Graph& graph_;
  std::vector<Fault>& faults_;
  Bodies bodies_;
  Shapes shapes_;
  Lines lines_;
  dag::Builder builder_;
  std::vector<std::uint8_t> needed_;  // k_value, k_file
  std::size_t count_ = 0;
  std::vector<std::string_view> ids_;
  std::unordered_map<NodeId, std::string_view> file_ids_;
  std::unordered_set<std::string_view> kept_;
  std::vector<std::string_view> used_;  // ids
  FlatIndex used_index_;
  std::unordered_map<std::string, std::uint32_t> repeats_;
  std::vector<std::string_view> arguments_;
  std::uint32_t shell_settings_ = 0;
};

}  // namespace

std::optional<dag::Dag> lower(const ToLower& what, std::vector<Fault>& faults) {
  return Lowering(what, faults).run();
}

}  // namespace dsched::imgql
