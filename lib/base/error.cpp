// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace dsched {

std::string_view name_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return "usage";
    case ErrorKind::invalid_program:
      return "invalid_program";
    case ErrorKind::invalid_request:
      return "invalid_request";
    case ErrorKind::not_found:
      return "not_found";
    case ErrorKind::node_failed:
      return "node_failed";
    case ErrorKind::waiting:
      return "waiting";
    case ErrorKind::denied:
      return "denied";
    case ErrorKind::cancelled:
      return "cancelled";
    case ErrorKind::interrupted:
      return "interrupted";
    case ErrorKind::timeout:
      return "timeout";
    case ErrorKind::busy:
      return "busy";
    case ErrorKind::storage:
      return "storage";
    case ErrorKind::damaged:
      return "damaged";
    case ErrorKind::environment:
      return "environment";
    case ErrorKind::untrusted_store:
      return "untrusted_store";
    case ErrorKind::internal:
      return "internal";
  }
  return "internal";
}

std::string describe_errno(std::string_view what, int error_number) {
  char buffer[128];
  const char* text = strerror_r(error_number, buffer, sizeof buffer);
  std::string message(what);
  message += ": ";
  const std::size_t at = message.size();
  message += text;
  message[at] = static_cast<char>(std::tolower(static_cast<unsigned char>(message[at])));
  return message;
}

void assertion_failed(const char* condition, const char* why, const char* file, int line) {
  std::fprintf(stderr, "dsched: bug: %s:%d: %s: %s\n", file, line, condition, why);
  std::abort();
}

}  // namespace dsched
