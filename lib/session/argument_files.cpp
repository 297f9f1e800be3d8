// SPDX-License-Identifier: Apache-2.0
#include "session/argument_files.h"

#include <utility>
#include <vector>

#include "base/error.h"
#include "sys/private_folder.h"

namespace dsched::session {
namespace {

// Commands may read their arguments, and have no business changing them.
constexpr std::uint32_t k_mode = 0400;

}  // namespace

MachineArgumentFiles::MachineArgumentFiles(std::string machine, std::string folder,
                                           std::string large, sys::Files& files)
    : machine_(std::move(machine)),
      folder_(std::move(folder)),
      large_(std::move(large)),
      files_(files) {}

MachineArgumentFiles::~MachineArgumentFiles() {
  for (const std::string& path : large_made_) {
    try {
      files_.remove(path);
    } catch (const Error&) {
      // It stays until the store is cleaned; there is nobody left to tell.
    }
  }
}

void MachineArgumentFiles::make_folder() {
  if (is_made_) return;
  sys::make_private_folder(machine_);
  sys::make_private_folder(folder_);
  is_made_ = true;
}

std::string MachineArgumentFiles::file_for(const std::string& name, std::string_view bytes) {
  if (const auto found = made_.find(name); found != made_.end()) return found->second;
  make_folder();
  const std::string path = folder_ + '/' + name;
  sys::Staged staged = files_.stage(folder_);
  files_.write(staged, 0, bytes);
  files_.publish(staged, path, k_mode, sys::Existing::kept);
  made_.emplace(name, path);
  return path;
}

std::string MachineArgumentFiles::file_for(const std::string& name, store::BlobReader& blob) {
  if (const auto found = made_.find(name); found != made_.end()) return found->second;
  const std::string path = large_ + "/argument-" + name;
  sys::Staged staged = files_.stage(large_);
  std::vector<char> buffer(1024 * 1024);
  for (std::uint64_t offset = 0; offset < blob.size();) {
    const std::size_t got = blob.read(offset, buffer);
    if (got == 0) break;
    files_.write(staged, offset, {buffer.data(), got});
    offset += got;
  }
  // One that a killed runner left may have been damaged since.
  files_.publish(staged, path, k_mode, sys::Existing::replaced);
  large_made_.push_back(path);
  made_.emplace(name, path);
  return path;
}

}  // namespace dsched::session
