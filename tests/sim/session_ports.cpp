// SPDX-License-Identifier: Apache-2.0
#include "session_ports.h"

#include <signal.h>

#include <algorithm>

#include "base/error.h"
#include "sys/files.h"

namespace dsched::sim {

using executor::Attempt;
using executor::Captured;
using executor::Control;
using executor::Ended;
using executor::InputFile;
using executor::OutputRecord;

namespace {

std::string bytes_of(int fd) {
  std::string bytes(sys::info_of(fd).size, '\0');
  bytes.resize(sys::read_at(fd, 0, bytes));
  return bytes;
}

// A reader that hears the end of what it reads takes so long to end itself.
constexpr Nanoseconds k_after_end = std::chrono::milliseconds{1};

}  // namespace

// ---- the program's folder

std::variant<std::vector<InputFile>, executor::InputProblem> SimWorkspace::examine(
    std::span<const std::string_view> patterns) {
  chaos_.step();
  std::vector<InputFile> found;
  for (const std::string_view path : patterns) {
    const auto file = files_.find(std::string(path));
    if (file == files_.end()) {
      return executor::InputProblem{std::string(path), FailureClass::not_found,
                                    "input " + std::string(path) + ": no such file"};
    }
    found.push_back({file->first, {}, sha256(file->second)});
  }
  return found;
}

std::vector<InputFile> SimWorkspace::examine_exact(std::span<const std::string> paths) {
  std::vector<InputFile> found;
  for (const std::string& path : paths) {
    const auto file = files_.find(path);
    found.push_back({path, {}, file == files_.end() ? Digest{} : sha256(file->second)});
  }
  return found;
}

bool SimWorkspace::in_place(std::span<const OutputRecord> outputs) {
  return std::all_of(outputs.begin(), outputs.end(), [this](const OutputRecord& output) {
    const auto file = files_.find(output.path);
    return file != files_.end() && sha256(file->second) == output.content.hash;
  });
}

std::optional<std::string> SimWorkspace::restore(std::span<const OutputRecord> outputs) {
  chaos_.step();
  for (const OutputRecord& output : outputs) {
    std::optional<std::string> bytes;
    try {
      bytes = store::read_blob(store_.blobs(), output.content.hash);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::damaged) throw;
    }
    if (!bytes) return output.path + ": no longer in the store";
    files_[output.path] = std::move(*bytes);
  }
  return std::nullopt;
}

// ---- argument files

std::string SimArgumentFiles::file_for(const std::string& name, std::string_view bytes) {
  chaos_.step();
  const std::string path = "/arguments/" + name;
  files_.try_emplace(path, bytes);
  return path;
}

std::string SimArgumentFiles::file_for(const std::string& name, store::BlobReader& blob) {
  std::string bytes(blob.size(), '\0');
  bytes.resize(blob.read(0, bytes));
  return file_for(name, bytes);
}

const std::string* SimArgumentFiles::find(const std::string& path) const {
  const auto found = files_.find(path);
  return found == files_.end() ? nullptr : &found->second;
}

// ---- the executor

void SimExecutor::start(Attempt attempt) {
  on_.chaos.step();
  waiting_.push_back(std::move(attempt));
  begin_waiting(on_.clock.now());
}

void SimExecutor::set_width(Slots width) {
  on_.width = width.count;
  begin_waiting(on_.clock.now());
}

void SimExecutor::begin_waiting(Instant at) {
  const auto is_busy = [](const Running& running) { return !running.suspended; };
  while (std::count_if(running_.begin(), running_.end(), is_busy) < std::ptrdiff_t{on_.width} &&
         !waiting_.empty()) {
    Attempt attempt = std::move(waiting_.front());
    waiting_.pop_front();
    const NodeSketch what = sketch_of(attempt);
    ++on_.history.begun[what.id];
    events_.emplace_back(executor::Started{attempt.node, attempt.number, at});
    const Instant ends = at + what.duration;
    std::shared_ptr<executor::Stream> reads;
    const auto* process = std::get_if<executor::ProcessWork>(&attempt.work);
    if (process != nullptr && what.reads_all) reads = process->stdin_stream;
    running_.push_back({std::move(attempt), at, ends, {}, {}, std::move(reads)});
  }
}

bool SimExecutor::withdraw(NodeIndex node) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const Attempt& attempt) { return attempt.node == node; });
  if (found == waiting_.end()) return false;
  waiting_.erase(found);
  return true;
}

void SimExecutor::control(NodeIndex node, Control what) {
  on_.chaos.step();
  for (Running& running : running_) {
    if (running.attempt.node != node) continue;
    if (what == Control::resume && running.suspended) {
      running.ends += on_.clock.now() - *running.suspended;
      running.suspended.reset();
    } else if (what == Control::suspend && !running.suspended) {
      running.suspended = on_.clock.now();
    }
    if (running.signal) continue;
    switch (what) {
      case Control::interrupt:
        running.signal = SIGINT;
        break;
      case Control::cancel:
      case Control::terminate:
        running.signal = SIGTERM;
        break;
      case Control::kill:
        running.signal = SIGKILL;
        break;
      case Control::suspend:
      case Control::resume:
        continue;
    }
    running.ends = on_.clock.now() + std::chrono::milliseconds{1};
  }
}

std::optional<Instant> SimExecutor::next_event() const {
  if (!events_.empty()) return on_.clock.now();
  std::optional<Instant> next;
  for (const Running& running : running_) next = earliest(next, due(running));
  return next;
}

std::optional<Instant> SimExecutor::due(const Running& running) const {
  const bool reads_on =
      running.reads && running.reads->state() != executor::Stream::State::complete;
  if (running.suspended || (reads_on && !running.signal)) return std::nullopt;
  return running.ends;
}

// Who reads it hears of its end.
void SimExecutor::end_stream(const Running& producer, Instant at, FailureClass failure) {
  const std::shared_ptr<executor::Stream>& stream = producer.attempt.stream;
  if (!stream) return;
  if (failure != FailureClass::none) return stream->break_off();
  stream->complete();
  for (Running& running : running_) {
    if (running.reads == stream) running.ends = std::max(running.ends, at + k_after_end);
  }
}

void SimExecutor::run_until(Instant now) {
  while (true) {
    const auto first = std::min_element(
        running_.begin(), running_.end(), [this](const Running& a, const Running& b) {
          return due(a).value_or(Instant::max()) < due(b).value_or(Instant::max());
        });
    if (first == running_.end() || !due(*first) || *due(*first) > now) return;
    Running running = std::move(*first);
    running_.erase(first);
    const Instant at = running.ends;
    Ended ended = end(running);
    end_stream(running, at, ended.failure);
    events_.emplace_back(std::move(ended));
    begin_waiting(at);
  }
}

void SimExecutor::take_events(std::vector<executor::AttemptEvent>& out) {
  on_.chaos.step();
  run_until(on_.clock.now());
  for (executor::AttemptEvent& event : events_) out.push_back(std::move(event));
  events_.clear();
}

NodeSketch SimExecutor::sketch_of(const Attempt& attempt) const {
  const std::vector<NodeSketch>& nodes = on_.program.nodes();
  if (attempt.node.value < nodes.size()) return nodes[attempt.node.value];
  // Only maps make others, of commands; sh -c COMMAND NODE_ID
  return on_.program.node(std::get<executor::ProcessWork>(attempt.work).argv.at(3));
}

std::vector<std::string> SimExecutor::read_arguments(const Attempt& attempt) {
  const NodeSketch what = sketch_of(attempt);
  std::vector<std::string> files;
  if (const auto* process = std::get_if<executor::ProcessWork>(&attempt.work)) {
    constexpr std::size_t k_before_arguments = 4;  // sh -c COMMAND NODE_ID
    files.assign(process->argv.begin() + k_before_arguments, process->argv.end());
  } else {
    for (const auto& piece : std::get<executor::ConcatWork>(attempt.work).pieces) {
      files.push_back(piece.file);
    }
  }
  std::vector<std::string> arguments;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (files[i] == "/dev/stdin") {
      arguments.push_back(on_.program.expected(what.reads, on_.folder));
    } else if (const std::string* bytes = on_.argument_files.find(files[i])) {
      arguments.push_back(*bytes);
    } else {
      const sys::Fd file = on_.disk.open(files[i]);
      arguments.push_back(file ? bytes_of(file.get()) : "(no such file)");
    }
    if (arguments[i] != on_.program.expected(what.arguments.at(i), on_.folder)) {
      on_.history.wrong.push_back(what.id + " was given wrong bytes for " + what.arguments[i]);
    }
  }
  return arguments;
}

Captured SimExecutor::capture(std::string bytes) {
  Captured captured;
  captured.content = {sha256(bytes), bytes.size()};
  if (bytes.size() < store::k_file_min) {
    captured.bytes = std::move(bytes);
  } else {
    captured.file = on_.store.stage();
    on_.disk.write(captured.file->staged(), 0, bytes);
  }
  return captured;
}

Ended SimExecutor::end(const Running& running) {
  const NodeSketch what = sketch_of(running.attempt);
  Ended ended;
  ended.node = running.attempt.node;
  ended.number = running.attempt.number;
  ended.started = running.began;
  ended.ended = running.ends;
  ended.log = what.says;
  if (running.signal) {
    ended.failure = FailureClass::signal;
    ended.signal = running.signal;
    return ended;
  }
  const std::vector<std::string> arguments = read_arguments(running.attempt);
  if (on_.history.failed[what.id] < what.fails) {
    ++on_.history.failed[what.id];
    ended.failure = FailureClass::exit;
    ended.exit_code = 1;
    return ended;
  }
  finish(what, arguments, running.attempt, ended);
  return ended;
}

// As in lib/executor/worker.cpp, a disk that fails under an attempt is the attempt's failure.
void SimExecutor::finish(const NodeSketch& what, const std::vector<std::string>& arguments,
                         const Attempt& attempt, Ended& ended) {
  try {
    std::string result;
    if (what.does == Does::concat) {
      for (const std::string& argument : arguments) result += argument;
    } else {
      std::vector<std::string> inputs;
      for (const std::string& input : what.inputs) inputs.push_back(on_.folder.at(input));
      result = result_bytes(what, arguments, inputs);
    }
    for (const std::string& path : attempt.outputs) {
      const std::string bytes = output_bytes(path, result);
      on_.folder[path] = bytes;
      executor::CapturedOutput output;
      output.path = path;
      output.captured = capture(bytes);
      ended.outputs.push_back(std::move(output));
    }
    ended.exit_code = 0;
    ended.result = capture(std::move(result));
    on_.history.finished_well.insert(what.id);
  } catch (const Error& error) {
    ended.failure = FailureClass::lost;
    ended.error = error.what();
    ended.broken = error.kind();
    ended.result = {};
    ended.outputs.clear();
  }
}

// ---- waiting and telling

std::vector<session::Request> SimWaiter::wait(std::optional<Instant> until,
                                              std::span<const sys::Awaited>) {
  chaos_.step();
  if (!disk_.is_off()) whole_syncs_ = disk_.syncs();
  if (visitor_) visitor_();
  const auto request = requests_.find(++waits_);
  if (request != requests_.end()) return {request->second};
  std::optional<Instant> next = executor_.next_event();
  if (until && (!next || *until < *next)) next = until;
  if (!next) throw std::logic_error("the session waits for nothing");
  constexpr std::uint64_t k_waits_max = 100'000;
  if (waits_ > k_waits_max) throw std::logic_error("the session waits without end");
  clock_.advance_to(*next);
  return {};
}

void Told::node(const session::NodeReport& report, const session::Progress& progress) {
  chaos_.step();
  lines.push_back({std::string(report.node_id), report.change, progress.now, disk_.syncs()});
  check(progress);
}

void Told::check(const session::Progress& progress) {
  const session::Counts& counts = progress.counts;
  const std::uint64_t sum =
      counts.completed + counts.failed + counts.cancelled + counts.running + counts.pending;
  if (sum != counts.total) wrong.push_back("the counts do not add up");
  if (counts.reused > counts.completed) wrong.push_back("more nodes are reused than completed");
  if (progress.percentage < percentage_) wrong.push_back("the percentage goes back");
  if (progress.percentage > 100) wrong.push_back("the percentage is above 100");
  percentage_ = progress.percentage;
}

}  // namespace dsched::sim
