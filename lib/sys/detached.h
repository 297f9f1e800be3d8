// SPDX-License-Identifier: Apache-2.0
#pragma once
// A process of this program's own that goes on when its caller, terminal and session are gone.
//
// The starter executes the program itself anew (a copy of a grown process would keep its memory and
// its descriptors) and hands a request over in a sealed file of memory, so that nothing of it shows
// in a list of processes. Until the new process cuts itself loose it talks as any tool does: its
// standard input is the request, its standard output a pipe to the starter, its standard error the
// starter's own. Cutting loose exchanges all three (for /dev/null and the log) *before* the reply
// is at its end, so who started it and has read the reply to the end knows that no descriptor of
// the caller's is held any more. A process that ends before that has said why, or its end tells.
//
// It leads a session of its own without a terminal and ignores SIGHUP. When the starter ends, the
// system's first process (or a subreaper) takes it over: no zombie is left where that one reaps.

#include <span>
#include <string>
#include <string_view>

#include "sys/fd.h"
#include "sys/process.h"

namespace dsched::sys {

// What is handed over: two texts, because the second may be large and is kept apart.
struct HandedOver {
  std::string settings;
  std::string text;
};

struct DetachedChild {
  Child child;
  Fd reply;  // what it says; ends when it has cut itself loose, or has ended
};

// Executes this program with `argv` in the current folder. Throws Error (environment).
[[nodiscard]] DetachedChild start_detached(std::span<const std::string> argv,
                                           std::span<const std::string> environment,
                                           std::string_view settings, std::string_view text);

// ---- in the process that was started ----

// Takes the request from standard input, leaves the caller's session and ignores SIGHUP. To be
// called first. Throws Error (usage) when standard input is not what start_detached() hands over.
[[nodiscard]] HandedOver begin_detached();

// Whether the starter still waits for the reply: if it was interrupted, nothing should be begun.
[[nodiscard]] bool starter_waits();

// The file that standard output and error will go to. Removed with its owner, unless it was there
// before, until keep() is called.
class LogFile {
 public:
  // Opened for appending, mode 0600, never through a link. Throws Error (storage).
  explicit LogFile(std::string path);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  void keep() { is_new_ = false; }

 private:
  std::string path_;
  Fd fd_;
  bool is_new_ = false;
};

// Exchanges the three streams, and says `reply` to the starter (that it is gone is no failure).
void cut_loose(LogFile& log, std::string_view reply);

}  // namespace dsched::sys
