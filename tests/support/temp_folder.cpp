// SPDX-License-Identifier: Apache-2.0
#include "support/temp_folder.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace dsched::testing {

namespace fs = std::filesystem;

TempFolder::TempFolder() {
  std::string pattern = (fs::temp_directory_path() / "dsched-test-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = fs::canonical(pattern).string();
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string TempFolder::operator/(std::string_view name) const {
  return path_ + "/" + std::string(name);
}

void TempFolder::write(std::string_view name, std::string_view bytes) const {
  const fs::path path = *this / name;
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

void TempFolder::make_folder(std::string_view name) const {
  fs::create_directories(*this / name);
}

void TempFolder::link(std::string_view name, std::string_view text) const {
  const fs::path path = *this / name;
  fs::create_directories(path.parent_path());
  fs::create_symlink(fs::path(text), path);
}

std::string TempFolder::read(std::string_view name) const {
  std::ifstream file(*this / name, std::ios::binary);
  if (!file) return "(no file " + std::string(name) + ")";
  return {std::istreambuf_iterator<char>(file), {}};
}

bool TempFolder::exists(std::string_view name) const {
  std::error_code ignored;
  return fs::symlink_status(*this / name, ignored).type() != fs::file_type::not_found;
}

void TempFolder::age(std::string_view name) const {
  fs::last_write_time(*this / name, fs::file_time_type::clock::now() - std::chrono::hours(24));
}

}  // namespace dsched::testing
