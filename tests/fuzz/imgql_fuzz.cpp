// SPDX-License-Identifier: Apache-2.0
// Feeds the reader of VoxLogica programs with anything: it answers with faults, and where the
// canonical text can be read, it is read as the same.
//
//   imgql_fuzz -max_total_time=600 -rss_limit_mb=1024 /tmp/found tests/voxlogica/cases
#include <cstdint>
#include <cstdlib>
#include <string>

#include "program/imgql_program.h"
#include "program/imgql_reduce.h"

namespace {

using namespace dsched::imgql;

class NoFiles final : public ProgramFiles {
 public:
  std::optional<ProgramFile> read(const std::string&) override { return std::nullopt; }
};

Syntax read(const std::string& text, std::vector<Fault>& faults) {
  NoFiles files;
  return read_program({"p.imgql", text}, files, Dialect::wide, faults);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t k_size_max = 2048;  // ids of functions in functions grow fast
  if (size > k_size_max) return 0;
  const std::string text(reinterpret_cast<const char*>(data), size);
  std::vector<Fault> faults;
  const Syntax syntax = read(text, faults);
  const bool is_read = faults.empty();
  const std::string canonical = canonical_text(syntax);
  Reduced reduced = reduce(syntax, {{"$cwd", "/here"}}, faults);
  sort_faults(faults);
  for (const Fault& fault : faults) static_cast<void>(fault_text(syntax, fault));
  if (faults.empty()) static_cast<void>(graph_json(reduced.graph, reduced.goals));
  // As the reference writes it, not all of it can be read: an import stands without its quotes, and
  // in "let a=!(b)" the operator is "=!".
  std::vector<Fault> again;
  const Syntax same = read(canonical, again);
  if (is_read && again.empty() && canonical_text(same) != canonical) std::abort();
  return 0;
}
