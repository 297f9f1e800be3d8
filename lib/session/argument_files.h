// SPDX-License-Identifier: Apache-2.0
#pragma once
// ArgumentFiles in the machine's folder (memory-backed where the system has it), one folder per
// runner.
//
// The folder is made when the first file is; the keeper removes it when the runner is gone,
// whichever way. Blobs too large for memory go to the store's own temporary folder instead; they
// are removed with this object, and the store cleans up after a runner that was killed.

#include <string>
#include <unordered_map>
#include <vector>

#include "session/ports.h"
#include "sys/files.h"

namespace dsched::session {

class MachineArgumentFiles final : public ArgumentFiles {
 public:
  // `folder` is this runner's own below `machine`; `large` holds what does not fit into memory.
  MachineArgumentFiles(std::string machine, std::string folder, std::string large,
                       sys::Files& files);
  ~MachineArgumentFiles() override;
  MachineArgumentFiles(const MachineArgumentFiles&) = delete;
  MachineArgumentFiles& operator=(const MachineArgumentFiles&) = delete;
  std::string file_for(const std::string& name, std::string_view bytes) override;
  std::string file_for(const std::string& name, store::BlobReader& blob) override;

 private:
  void make_folder();

  std::string machine_;
  std::string folder_;
  std::string large_;
  sys::Files& files_;
  std::unordered_map<std::string, std::string> made_;  // name -> path
  std::vector<std::string> large_made_;                // paths
  bool is_made_ = false;
};

}  // namespace dsched::session
