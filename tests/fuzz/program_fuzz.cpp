// SPDX-License-Identifier: Apache-2.0
// Feeds the program reader with anything: it must answer with a Dag or with diagnostics.
//
//   program_fuzz -max_total_time=600 -rss_limit_mb=1024 tests/fuzz/corpus
#include <cstdint>
#include <cstdlib>

#include "base/canonical_json.h"
#include "program_laws.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  dsched::check_program_laws(text, [](bool holds) {
    if (!holds) std::abort();
  });
  return 0;
}
