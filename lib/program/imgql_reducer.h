// SPDX-License-Identifier: Apache-2.0
#pragma once
// The machine that reduces: an explicit stack of frames and one of values. See imgql_reduce.h.

#include <set>
#include <unordered_map>

#include "program/imgql_primitives.h"
#include "program/imgql_reduce.h"

namespace dsched::imgql {

// What is visible at a place: local names, newest first, then declarations before `limit`.
struct Scope {
  std::uint32_t local = UINT32_MAX;  // number of a Local
  std::uint32_t limit = 0;
};

class Reducer {
 public:
  using Variables = std::map<std::string, std::string, std::less<>>;
  Reducer(const Syntax& syntax, const Variables& variables, std::vector<Fault>& faults)
      : syntax_(syntax), variables_(variables), faults_(faults) {}

  [[nodiscard]] Reduced run();

 private:
  struct Local {
    std::string_view name;
    NodeId node = k_no_node;
    std::uint32_t outer = UINT32_MAX;
  };
  struct Declaration {
    const Command* command = nullptr;
    NodeId value = k_no_node;            // of a value; none: it has a fault
    std::uint32_t earlier = UINT32_MAX;  // the one of the same name that it shadows
  };
  struct Frame {
    ExprId expr = 0;
    Scope scope;
    std::uint32_t next = 0;    // the child that comes next
    std::uint32_t base = 0;    // values below belong to others
    bool is_in_body = false;   // of the function that is called, or of the closure
    std::uint32_t called = 0;  // the function's number
    NodeId closure = k_no_node;
    NodeId parameter = k_no_node;
  };
  // What a name means where it stands; all empty: nothing.
  struct Meaning {
    bool is_local = false;
    NodeId value = k_no_node;  // of a local name or a declared value
    const Declaration* declaration = nullptr;
    const Primitive* primitive = nullptr;
  };

  void declare(const Command& command);
  void import(const Command& command);
  [[nodiscard]] NodeId reduce(ExprId expr, Scope scope);
  void step();
  void step_call(const Expr& expr);
  void step_loop(const Expr& expr);
  void step_let(const Expr& expr);
  void apply_function(const Expr& expr, const Declaration& function);
  void apply_primitive(const Expr& expr, const Primitive& primitive);
  void end_function();
  void begin_map();
  void push_child();
  void push_body(ExprId body, Scope scope);
  void finish(NodeId node);

  [[nodiscard]] NodeId value_of_name(const Expr& expr, const Scope& scope);
  [[nodiscard]] NodeId program_variable(std::string_view name);
  [[nodiscard]] NodeId make_slice(const Expr& expr);
  [[nodiscard]] NodeId make_fold(const Expr& expr);
  // The values of the frame on top; false when one of them has a fault.
  [[nodiscard]] bool take_values(std::vector<NodeId>& out) const;

  [[nodiscard]] Meaning meaning(std::string_view name, const Scope& scope);
  [[nodiscard]] const Primitive* primitive(std::string_view name);
  // NAMESPACE.NAME, kept.
  [[nodiscard]] std::string_view full_name(const Primitive& primitive);
  // The place in latest_; FlatIndex::k_none: it is not declared.
  [[nodiscard]] std::uint32_t latest_of(std::string_view name, std::uint32_t hash) const {
    return latest_index_.find(
        hash, [&](std::uint32_t at) { return declarations_[latest_[at]].command->text == name; });
  }
  [[nodiscard]] const Declaration* declaration(std::string_view name, std::uint32_t limit) const;
  [[nodiscard]] std::uint32_t number_of(const Declaration& declaration) const {
    return static_cast<std::uint32_t>(&declaration - declarations_.data());
  }
  [[nodiscard]] std::uint32_t bind(std::string_view name, NodeId node, std::uint32_t outer);

  // ---- closures (imgql_closures.cpp)
  [[nodiscard]] NodeId make_closure(std::string_view parameter, ExprId body, const Scope& scope);
  [[nodiscard]] NodeId closure_of_primitive(const Expr& name, const Primitive& primitive);
  [[nodiscard]] std::vector<std::string_view> free_names(ExprId body,
                                                         std::span<const std::string_view> bound);
  [[nodiscard]] std::uint32_t capture_function(const Declaration& function);
  [[nodiscard]] FunctionCapture capture_of(std::uint32_t number,
                                           std::vector<std::uint32_t>& missing);

  NodeId fail(Place place, std::string code, std::string message);
  NodeId fail_unknown(const Expr& expr);

  const Syntax& syntax_;
  const Variables& variables_;
  std::vector<Fault>& faults_;
  std::set<std::pair<Place, std::string>> told_;
  Reduced out_;
  std::vector<Local> locals_;
  std::vector<Declaration> declarations_;
  // The latest declaration of each name; of a million names a std::unordered_map is a fifth of all
  // the time.
  std::vector<std::uint32_t> latest_;
  FlatIndex latest_index_;
  std::vector<std::string_view> imported_;
  std::unordered_map<std::string_view, const Primitive*> primitives_;  // as they were looked up
  std::unordered_map<const Primitive*, std::string> full_names_;
  std::vector<Frame> frames_;
  std::vector<NodeId> values_;
  std::unordered_map<std::string, NodeId> calls_;  // function and arguments
  std::unordered_map<std::uint32_t, std::uint32_t> captured_functions_;
};

}  // namespace dsched::imgql
