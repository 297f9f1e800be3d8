// SPDX-License-Identifier: Apache-2.0
#pragma once
// A program's folder with what looks after it: examiner, workspace, finisher, and blobs in memory.

#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "executor/file_finisher.h"
#include "executor/posix_workspace.h"
#include "store/blobs.h"
#include "support/temp_folder.h"
#include "sys/copy.h"

namespace dsched::testing {

// A clock that stands where the test puts it.
class StoppedClock final : public sys::Clock {
 public:
  Instant now() const override { return Instant{} + std::chrono::hours(1); }
  WallTime wall() const override { return wall_; }
  void set(WallTime wall) { wall_ = wall; }

 private:
  WallTime wall_{};
};

class MemoryBlobs final : public store::Blobs {
 public:
  class Reader final : public store::BlobReader {
   public:
    explicit Reader(const std::string& bytes) : bytes_(bytes) {}
    std::uint64_t size() const override { return bytes_.size(); }
    std::size_t read(std::uint64_t offset, std::span<char> into) override {
      const std::size_t size = std::min<std::size_t>(into.size(), bytes_.size() - offset);
      std::memcpy(into.data(), bytes_.data() + offset, size);
      return size;
    }

   private:
    std::string bytes_;
  };
  store::Content put(std::string_view bytes) override {
    const store::Content content{sha256(bytes), bytes.size()};
    all[content.hash] = bytes;
    return content;
  }
  void keep(store::StagedFile&& file, const store::Content& content) override {
    std::string bytes(content.size, '\0');
    bytes.resize(sys::read_at(file.fd(), 0, bytes));
    put(bytes);
  }
  bool contains(const Digest& hash) override { return all.contains(hash); }
  bool note_use(const Digest& hash) override { return all.contains(hash); }
  std::optional<store::BlobInfo> info(const Digest&) override { return std::nullopt; }
  std::unique_ptr<store::BlobReader> open(const Digest& hash) override {
    const auto found = all.find(hash);
    return found == all.end() ? nullptr : std::make_unique<Reader>(found->second);
  }
  std::optional<std::string> file_path(const Digest&) override { return std::nullopt; }
  bool remove(const Digest& hash) override { return all.erase(hash) > 0; }
  std::vector<Digest> unknown_files() override { return {}; }
  void each(const std::function<void(const store::BlobInfo&)>&) override {}

  std::map<Digest, std::string> all;
};

struct FilesWorld {
  TempFolder temp;
  sys::PosixFiles system;
  sys::Database database{{.path = ":memory:", .vfs = ""}};
  StoppedClock clock;
  MemoryBlobs blobs;
  std::unique_ptr<store::FileDigests> digests;
  std::unique_ptr<executor::FileExaminer> files;
  std::unique_ptr<executor::PosixWorkspace> workspace;
  std::unique_ptr<executor::FileFinisher> finisher;
  std::unique_ptr<executor::BeneathFileAccess> access;

  FilesWorld() {
    temp.make_folder("program");
    temp.make_folder("store");
    let_files_settle();
    digests = std::make_unique<store::FileDigests>(database);
    files = std::make_unique<executor::FileExaminer>(temp / "program", *digests, clock);
    workspace = std::make_unique<executor::PosixWorkspace>(*files, blobs);
    const auto stage = [this] { return store::StagedFile(system.stage(temp / "store")); };
    finisher = std::make_unique<executor::FileFinisher>(*files, stage);
    access = std::make_unique<executor::BeneathFileAccess>(*files, stage);
  }

  // Every file made so far and from now on is older than the clock's grain.
  void let_files_settle() {
    clock.set(std::chrono::time_point_cast<Nanoseconds>(std::chrono::system_clock::now()) +
              std::chrono::hours(1));
  }
  // Every file looks as if it had been written in the future.
  void keep_files_young() { clock.set(WallTime{}); }

  void write(const std::string& name, std::string_view bytes) {
    temp.write("program/" + name, bytes);
  }
  void link(const std::string& name, std::string_view text) { temp.link("program/" + name, text); }
  [[nodiscard]] std::string read(const std::string& name) const {
    return temp.read("program/" + name);
  }
  [[nodiscard]] bool exists(const std::string& name) const {
    return temp.exists("program/" + name);
  }

  // "path path …" of the files examined, or the problem's line.
  std::string examined(std::vector<std::string_view> patterns) {
    auto result = workspace->examine(patterns);
    if (const auto* problem = std::get_if<executor::InputProblem>(&result)) return problem->error;
    std::string names;
    for (const executor::InputFile& file : std::get<std::vector<executor::InputFile>>(result)) {
      names += (names.empty() ? "" : " ") + file.path;
    }
    return names;
  }
  executor::InputFile examine_one(std::string_view path) {
    auto result = workspace->examine(std::span(&path, 1));
    auto* files_found = std::get_if<std::vector<executor::InputFile>>(&result);
    return files_found != nullptr && files_found->size() == 1 ? files_found->front()
                                                              : executor::InputFile{};
  }

  executor::Ended finish(const executor::Attempt& attempt) {
    executor::Ended ended;
    ended.started = clock.now();
    finisher->finish(attempt, ended);
    return ended;
  }
  // Captures one output, keeps its bytes in the blobs, and gives its record.
  executor::OutputRecord record(const std::string& path) {
    executor::Attempt attempt;
    attempt.outputs = {path};
    executor::Ended ended = finish(attempt);
    if (ended.outputs.empty()) return {"(" + ended.error + ")", {}, false, {}};
    executor::CapturedOutput& output = ended.outputs.front();
    keep(output.captured);
    for (executor::Captured& member : output.members) keep(member);
    return {output.path, output.kind, output.executable, output.captured.content};
  }
  void keep(executor::Captured& captured) {
    if (captured.file) {
      blobs.keep(std::move(*captured.file), captured.content);
    } else {
      blobs.put(captured.bytes);
    }
  }
};

}  // namespace dsched::testing
