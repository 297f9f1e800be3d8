// SPDX-License-Identifier: Apache-2.0
#pragma once
// A folder that exists as long as the object: the only place where tests make files.

#include <string>
#include <string_view>

namespace dsched::testing {

class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  // The absolute path of a name in it.
  [[nodiscard]] std::string operator/(std::string_view name) const;
  // Makes or replaces a file with its folders.
  void write(std::string_view name, std::string_view bytes) const;
  void make_folder(std::string_view name) const;
  void link(std::string_view name, std::string_view text) const;
  // The bytes of a file; a text that says so when it does not exist.
  [[nodiscard]] std::string read(std::string_view name) const;
  [[nodiscard]] bool exists(std::string_view name) const;  // links are not followed
  // Sets mtime to a time long past, as a file that was not touched since.
  void age(std::string_view name) const;

 private:
  std::string path_;
};

}  // namespace dsched::testing
