// SPDX-License-Identifier: Apache-2.0
#include "dag/node.h"

namespace dsched::dag {

std::string_view name_of(Operation operation) {
  switch (operation) {
    case Operation::shell:
      return "shell";
    case Operation::exec:
      return "exec";
    case Operation::constant:
      return "const";
    case Operation::read_file:
      return "read_file";
    case Operation::write_file:
      return "write_file";
    case Operation::concat:
      return "concat";
    case Operation::sleep:
      return "sleep";
    case Operation::external:
      return "external";
    case Operation::worker:
      return "worker";
    case Operation::map:
      return "map";
    case Operation::primitive:
      return "primitive";
    case Operation::computation:
      return "computation";
    case Operation::load:
      return "load";
    case Operation::list_folder:
      return "dir";
    case Operation::save:
      return "save";
  }
  return "external";
}

bool has_own_name(Operation operation) {
  return operation == Operation::external || operation == Operation::worker ||
         operation == Operation::primitive || operation == Operation::computation;
}

std::optional<Operation> operation_named(std::string_view name) {
  constexpr Operation k_named[] = {Operation::shell,     Operation::exec,       Operation::constant,
                                   Operation::read_file, Operation::write_file, Operation::concat,
                                   Operation::sleep,     Operation::map};
  for (const Operation operation : k_named) {
    if (name_of(operation) == name) return operation;
  }
  return std::nullopt;
}

bool is_builtin(Operation operation) {
  switch (operation) {
    case Operation::constant:
    case Operation::read_file:
    case Operation::write_file:
    case Operation::concat:
    case Operation::sleep:
    case Operation::map:
    case Operation::primitive:
    case Operation::computation:
    case Operation::load:
    case Operation::list_folder:
    case Operation::save:
      return true;
    case Operation::shell:
    case Operation::exec:
    case Operation::external:
    case Operation::worker:
      return false;
  }
  return false;
}

bool is_pure(Operation operation) {
  // A sleep is an effect: its result is always the same, but people ask for the waiting.
  return operation == Operation::constant || operation == Operation::read_file ||
         operation == Operation::concat || operation == Operation::primitive ||
         operation == Operation::computation || operation == Operation::load ||
         operation == Operation::list_folder;
}

}  // namespace dsched::dag
