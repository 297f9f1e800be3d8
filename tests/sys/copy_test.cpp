// SPDX-License-Identifier: Apache-2.0
#include "sys/copy.h"
#include "sys/files.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <string>

#include "base/error.h"
#include "support/temp_folder.h"
#include "sys/fd.h"

using namespace dsched;
using dsched::testing::TempFolder;

namespace {

sys::Fd open_for(const std::string& path, int flags) {
  return sys::Fd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
}

}  // namespace

TEST_CASE("sys: a copy holds the same bytes, whatever their number") {
  const TempFolder temp;
  const std::size_t sizes[] = {0, 1, 4096, 262144, 262145, 3000001};
  for (const std::size_t size : sizes) {
    CAPTURE(size);
    std::string bytes(size, 'x');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + i / 251);
    temp.write("from", bytes);
    const sys::Fd from = open_for(temp / "from", O_RDONLY);
    const sys::Fd to = open_for(temp / "to", O_RDWR | O_CREAT | O_TRUNC);
    CHECK(sys::copy_file(from.get(), to.get(), "to") == size);
    CHECK(temp.read("to") == bytes);
  }
}

TEST_CASE("sys: a copy works from files that claim to be empty") {
  const TempFolder temp;
  const sys::Fd from = open_for("/proc/self/status", O_RDONLY);
  const sys::Fd to = open_for(temp / "to", O_RDWR | O_CREAT);
  CHECK(sys::copy_file(from.get(), to.get(), "to") > 0);
  CHECK(temp.read("to").starts_with("Name:"));
}

TEST_CASE("sys: reading all gives every byte of files whose size is not told") {
  const sys::Fd from = open_for("/proc/self/status", O_RDONLY);
  const std::string text = sys::read_all(from.get(), "status");
  CHECK(text.starts_with("Name:"));
  CHECK(text.back() == '\n');
}

TEST_CASE("sys: a full disk is an error of kind storage that names the file") {
  const sys::Fd full = open_for("/dev/full", O_WRONLY);
  try {
    sys::write_all(full.get(), "x", "out/a.o");
    FAIL("writing to a full device succeeded");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::storage);
    CHECK(std::string(error.what()) == "out/a.o: write: no space left on device");
  }
}
