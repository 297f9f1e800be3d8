// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the variable MAKEFLAGS says of a jobserver, and what it must say to offer one.
//
//   MAKEFLAGS = words [" -- " definitions]; the first word may be letters without a dash ("ks").
//
// The jobserver is the last word --jobserver-auth=R,W (descriptors of a pipe), =fifo:PATH (make
// from 4.4 on), or --jobserver-fds=R,W (before 4.2); -jN beside it is how many jobs make was asked
// for. Reads no variable itself, opens nothing.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace dsched::session {

struct JobDescriptors {
  int reading = -1;  // negative: make does not offer them to this command
  int writing = -1;
  bool operator==(const JobDescriptors&) const = default;
};
struct JobFifo {
  std::string path;
  bool operator==(const JobFifo&) const = default;
};

struct Jobserver {
  std::variant<JobDescriptors, JobFifo> where;  // what cannot be read counts as not offered
  std::string auth;                             // the same as it stands there
  std::optional<std::uint32_t> jobs;            // N of -jN; empty: it does not say
};

// Empty: there is none.
[[nodiscard]] std::optional<Jobserver> jobserver_in(std::string_view makeflags);

// Without the jobserver, and without the -jN that a make would take for its own number then.
[[nodiscard]] std::string without_jobserver(std::string_view makeflags);

// With another one instead; `auth` is what stands behind --jobserver-auth=.
[[nodiscard]] std::string with_jobserver(std::string_view makeflags, std::uint32_t jobs,
                                         std::string_view auth);

// Whether a make that says this of itself (--version) understands fifo:PATH, as it does from 4.4
// on.
[[nodiscard]] bool knows_fifos(std::string_view version_text);

}  // namespace dsched::session
