// SPDX-License-Identifier: Apache-2.0
#pragma once
// The text of a request to a persistent worker, but for its number: what it is asked for.
//
//   "arguments":[PATH | {"text":…} | {"base64":…}, …],"inputs":[{"path":…,"digest":…}, …],
//   "parameters":{…}
//
// A batch makes its requests of the same pieces as a program does.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "executor/attempt.h"

namespace dsched::session {

// Larger arguments come as files, whatever the worker takes.
inline constexpr std::uint64_t k_inline_argument_max = 64 * 1024;

class RequestBody {
 public:
  // The next argument: the path of a file with its bytes.
  void add_path(std::string_view path);
  // The next argument: the bytes themselves, as text where they are UTF-8.
  void add_inline(std::string_view bytes);
  // `parameters` is the text of a JSON object.
  [[nodiscard]] std::string finish(std::span<const executor::InputFile> inputs,
                                   std::string_view parameters) &&;

 private:
  void begin_argument();
  std::string text_ = R"("arguments":[)";
  bool has_arguments_ = false;
};

}  // namespace dsched::session
