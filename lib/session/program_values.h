// SPDX-License-Identifier: Apache-2.0
#pragma once
// The values of VoxLogica programs that nodes result in, and working them out.
//
// Between nodes a value is bytes (dag::Form says of which form), so that keys, the journal and the
// store need not know of values. What is made here is also kept as a value while there is room, so
// that a large list is not read again for each node that takes it.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "dag/dag.h"
#include "executor/attempt.h"
#include "session/values.h"
#include "value/body.h"

namespace dsched::session {

// The store has lost the bytes of this argument.
struct LostArgument {
  NodeIndex argument;
};
// A fault of the program that shows itself when it runs; one line, with the place.
struct NoValue {
  std::string error;
};

class ProgramValues {
 public:
  ProgramValues(const dag::Dag& dag, Values& values) : dag_(dag), values_(values) {}

  // Of a node or an element; empty when the store has lost it. Throws Error when it is damaged.
  [[nodiscard]] std::optional<value::Value> value(NodeIndex node);
  // What the node's arguments are to it: its own, and constants of its parameters, in order.
  [[nodiscard]] std::variant<std::vector<value::Value>, LostArgument> arguments(NodeIndex node);

  // The bytes of a primitive.
  using Evaluated = std::variant<std::string, NoValue, LostArgument>;
  [[nodiscard]] Evaluated evaluate(NodeIndex node);
  // What a thread has to do for a computation.
  [[nodiscard]] std::variant<executor::ComputeWork, LostArgument> computation(NodeIndex node);

  // ---- loops whose elements have nodes of their own
  // The bytes of each element of the list.
  [[nodiscard]] std::variant<std::vector<std::string>, NoValue> elements(NodeIndex map,
                                                                         const value::Value& list);
  // What comes of the elements' results, all of which are there; the lost one, if any.
  [[nodiscard]] Evaluated gather(NodeIndex map);

  // What a command gets as a file for it: a text as it is, of anything else the JSON.
  [[nodiscard]] static std::string file_text(const value::Value& value);
  // What save writes to a file of this name. Throws Error for what has no such form.
  [[nodiscard]] static std::string saved_text(const value::Value& value, std::string_view path);
  // "FILE:LINE:COLUMN: CAUSE".
  [[nodiscard]] NoValue fault(NodeIndex node, const std::string& cause) const;

 private:
  struct Call {
    // A position among the node's arguments, or a constant.
    std::vector<std::variant<std::uint32_t, value::Value>> arguments;
    bool is_plain = true;  // the node's own, in order
    std::string attributes = "{}";
    std::shared_ptr<const value::Body> body;
  };
  [[nodiscard]] const Call& call_of(NodeIndex node);
  void keep(NodeIndex node, const value::Value& value, std::size_t bytes);

  const dag::Dag& dag_;
  Values& values_;
  std::unordered_map<const char*, Call> calls_;  // by where the text of the parameters lies
  std::unordered_map<NodeIndex, value::Value> kept_;
  std::size_t kept_bytes_ = 0;
};

// The bytes of a node as a person reads them: values as their text, everything else as it is.
[[nodiscard]] std::string readable_bytes(const dag::Dag& dag, NodeIndex node, std::string&& bytes);
[[nodiscard]] inline bool is_readable(const dag::Dag& dag, NodeIndex node) {
  return dag.form_of(node) != dag::Form::value;
}

}  // namespace dsched::session
