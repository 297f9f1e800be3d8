// SPDX-License-Identifier: Apache-2.0
#pragma once
// One try at running a node: what is handed to a worker thread, and what comes back.
//
// Attempt is a self-contained value: a worker thread that runs it reads nothing else of the
// execution. Ended is the fact it becomes; the session turns it into an engine event.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/failure.h"
#include "base/ids.h"
#include "executor/stream.h"
#include "store/content.h"
#include "store/staged_file.h"

namespace dsched::executor {

// A command to start as a child of its own process group.
struct ProcessWork {
  std::vector<std::string> argv;  // argv[0] is what the program sees as its name
  // The file to execute; a name without a slash is searched in the PATH of `environment`.
  std::string file;
  // Executed instead when `file` cannot be (not found, not executable, not a binary), so that the
  // shell itself says so: {"/bin/sh", "-c", COMMAND, …}. Empty: the failure is reported as such.
  std::vector<std::string> fallback;
  // "NAME=VALUE", complete, DSCHED_* included: what many attempts share, then its own. Who starts
  // the attempt keeps what is shared until the executor is gone.
  std::span<const std::string> shared_environment;
  std::vector<std::string> environment;
  std::string folder;      // working directory
  std::string stdin_file;  // empty: /dev/null
  std::string stdin_text;  // written to a pipe-less temporary file; wins over stdin_file
  std::shared_ptr<Stream> stdin_stream;  // read from the start, while it grows; wins over both
  enum class Streams : std::uint8_t {
    captured,  // stdout is the result, stderr the log
    shown,     // also passed through to the caller's stdout and stderr; stdin is the caller's, and
               // the process stays in the caller's process group (dsched-run -- COMMAND)
  };
  Streams streams = Streams::captured;
  enum class Output : std::uint8_t {
    of_success,  // of a command that failed only the end is kept, for people
    always,      // Ended::result has it, however the command ended
  };
  Output output = Output::of_success;
};

// Built-ins that do I/O or wait, and so need a thread. Paths are cleaned and relative to the
// program's folder, or absolute for reading.
struct ReadFileWork {
  std::string path;
};
struct WriteFileWork {
  std::string path;
  std::string content_file;  // the argument's bytes; empty: `content`
  std::string content;
  // What a folder of that name means to the work.
  enum class Folders : std::uint8_t { replaced, refused } folders = Folders::replaced;
};
struct ConcatWork {
  struct Piece {
    std::string file;  // empty: `text`
    std::string text;
  };
  std::vector<Piece> pieces;
  std::string separator;
};
struct SleepWork {
  Nanoseconds duration{0};
};
// A value that takes long to work out.
struct ComputeWork {
  struct Problem {
    std::string error;  // one line
  };
  using Outcome = std::variant<std::string, Problem>;
  // To be called on any thread. It asks now and then whether it is to end; what it then gives is of
  // no interest.
  std::function<Outcome(const std::function<bool()>& is_over)> compute;
};
// A request to a persistent worker (executor/request_pool.h).
struct WorkerRequestWork {
  std::uint32_t worker = 0;    // index in the executor's list
  std::uint32_t instance = 0;  // of that worker
  std::string body;            // of the request line: its members but requestId, without braces
};
using Work = std::variant<ProcessWork, ReadFileWork, WriteFileWork, ConcatWork, SleepWork,
                          ComputeWork, WorkerRequestWork>;

// A declared input as it was when the node became ready.
struct InputFile {
  std::string path;  // as in the key: relative to the program's folder, or absolute
  store::StatTuple stat;
  Digest hash;
};

struct Attempt {
  NodeIndex node;
  std::uint32_t number = 1;  // 1, 2, … (DSCHED_ATTEMPT)
  std::string id;            // DSCHED_ATTEMPT_ID, unique on this machine
  Work work;
  std::vector<InputFile> inputs;     // examined again when the attempt has ended well
  std::vector<std::string> outputs;  // captured when it has ended well, removed when it failed
  std::string depfile;               // empty: none
  std::shared_ptr<Stream> stream;    // others read its standard output by this; usually none
};

using dsched::FailureClass;

// Bytes that came out of an attempt: small ones inline, large ones in a staged file.
struct Captured {
  store::Content content;
  std::string bytes;  // complete when `file` is empty
  std::optional<store::StagedFile> file;
};

// stored: never renumber
enum class FileKind : std::uint8_t { regular = 0, link = 1, folder = 2 };

// One output as it was captured. A folder's content is its manifest (executor/outputs.h), and the
// files in it follow as `members`.
struct CapturedOutput {
  std::string path;
  FileKind kind = FileKind::regular;
  bool executable = false;
  Captured captured;  // regular: the bytes; link: its target text; folder: the manifest
  store::StatTuple stat;
  std::vector<Captured> members;  // folder: contents of its regular files
};

struct Usage {
  Nanoseconds user{0};
  Nanoseconds system{0};
  std::uint64_t peak_memory_kib = 0;  // 0: not known (short, and smaller than the runner)
};

// What a request to a worker adds to the figures.
struct WorkerUse {
  std::optional<std::uint64_t> tokens;  // as its answer says
  // Time in which requests could have been in flight in its instance, summed over the places of a
  // batch, since the last request of that instance ended; times without any work do not count.
  Nanoseconds room{0};
};

struct Ended {
  NodeIndex node;
  std::uint32_t number = 1;
  Instant started;
  Instant ended;
  FailureClass failure = FailureClass::none;
  std::optional<int> exit_code;  // when the process exited
  std::optional<int> signal;     // when it was ended by one
  std::string error;             // one line for people; empty when it ended well
  Usage usage;
  Captured result;          // stdout, or the built-in's bytes; meaningful when failure is none
  std::string output_tail;  // of a command that failed: the end of its stdout, which is no result
  std::string log;  // stderr: all of it, or head, a line that says how much was cut, and tail
  std::vector<CapturedOutput> outputs;
  std::vector<InputFile> depfile_inputs;
  // The surroundings failed while it ran (disk full): nothing else can be expected to go well.
  std::optional<ErrorKind> broken;
  bool inputs_changed = false;  // a declared input changed meanwhile: store under no key
  std::optional<WorkerUse> worker_use;
  // Its worker was ended for the sake of another request.
  bool is_innocent = false;
};

}  // namespace dsched::executor
