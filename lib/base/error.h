// SPDX-License-Identifier: Apache-2.0
#pragma once
// The two ways to give up: Error for surroundings that failed, DSCHED_ASSERT for our own bugs.
//
// An Error's message is one line, lower case, without a full stop, that names the thing, the
// attempt and the cause: "store /x/.dsched: open: permission denied". Its kind is from the closed
// list that every tool answers with (doc dsched(7)); cli maps the kind to the exit code. Answers
// that a caller steers by are returned, never thrown.

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace dsched {

enum class ErrorKind : std::uint8_t {
  usage,
  invalid_program,
  invalid_request,
  not_found,
  node_failed,
  waiting,
  denied,
  cancelled,
  interrupted,
  timeout,
  busy,
  storage,
  damaged,
  environment,
  untrusted_store,
  internal,
};

// The name as it stands in JSON: "invalid_program".
[[nodiscard]] std::string_view name_of(ErrorKind kind);

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message, std::string hint = {})
      : std::runtime_error(message), kind_(kind), hint_(std::move(hint)) {}
  [[nodiscard]] ErrorKind kind() const { return kind_; }
  // What to do about it, for a second line; empty when there is nothing to say.
  [[nodiscard]] const std::string& hint() const { return hint_; }

 private:
  ErrorKind kind_;
  std::string hint_;
};

// "what: strerror(error_number)", in lower case.
[[nodiscard]] std::string describe_errno(std::string_view what, int error_number);

[[noreturn]] void assertion_failed(const char* condition, const char* why, const char* file,
                                   int line);

}  // namespace dsched

// On in every build; aborts. Never for input.
#define DSCHED_ASSERT(condition, why) \
  ((condition) ? void(0) : ::dsched::assertion_failed(#condition, why, __FILE__, __LINE__))
