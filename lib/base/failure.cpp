// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"

#include <string.h>

namespace dsched {

std::string_view name_of(FailureClass failure) {
  switch (failure) {
    case FailureClass::none:
      return "";
    case FailureClass::exit:
      return "exit";
    case FailureClass::signal:
      return "signal";
    case FailureClass::timeout:
      return "timeout";
    case FailureClass::lost:
      return "lost";
    case FailureClass::not_found:
      return "not_found";
    case FailureClass::output_missing:
      return "output_missing";
    case FailureClass::damaged:
      return "damaged";
    case FailureClass::refused:
      return "refused";
    case FailureClass::denied:
      return "denied";
    case FailureClass::expired:
      return "expired";
  }
  return "";
}

std::string end_text(std::optional<int> exit_code, std::optional<int> signal) {
  if (exit_code) return "exit " + std::to_string(*exit_code);
  if (!signal) return {};
  std::string text = "signal " + std::to_string(*signal);
  if (const char* name = ::sigabbrev_np(*signal)) text += std::string(" (") + name + ")";
  return text;
}

}  // namespace dsched
