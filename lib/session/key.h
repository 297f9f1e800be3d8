// SPDX-License-Identifier: Apache-2.0
#pragma once
// The key of a node: when may a result be used again. The text that is hashed is kept with the
// result, and explanations (report/explanation.h) read that very text.
//
// The key is the SHA-256 of canonical JSON (DESIGN: names sorted, no white space):
//
//   {"arguments":[DIGEST…],"environment":{NAME:VALUE…},"inputs":[[PATH,DIGEST]…],"operation":NAME,
//    "outputs":[PATH…],"parameters":{…},"version":VERSION}
//
// VERSION is a number for built-ins, [PATH,DIGEST] of the executable for exec and dsched-op-NAME,
// null for shell. Secret values stand as {"secret": keyed hash}. stored: never change the form; a
// new one needs a new member, which makes every key new.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "executor/attempt.h"

namespace dsched::session {

// Raised when a built-in changes what it makes of the same arguments. stored: only ever grows
inline constexpr std::string_view k_builtin_version = "1";

struct KeyParts {
  std::string_view operation;
  std::string version;          // JSON text
  std::string_view parameters;  // canonical JSON object
  std::vector<Digest> arguments;
  std::span<const executor::InputFile> inputs;
  std::string_view environment;  // the members of the JSON object, as Environment::keyed gives them
  std::span<const std::string_view> outputs;
};

void append_key_text(std::string& out, const KeyParts& parts);

// Puts another digest in the place of an argument's, counted from 0, in a text that
// append_key_text() made.
void set_key_argument(std::string& text, std::size_t position, const Digest& digest);

}  // namespace dsched::session
