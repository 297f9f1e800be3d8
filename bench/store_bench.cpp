// SPDX-License-Identifier: Apache-2.0
// How fast is the store? 100,000 small results put in groups and preloaded, 200,000 file digests,
// and a large blob put and got against cp and sha256sum (run those beside it: bench/run.sh).
//
// usage: store_bench FOLDER RESULTS DIGESTS [FILE]
#include <fcntl.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "session/store_operations.h"
#include "store/store.h"

namespace {

using namespace dsched;
using namespace dsched::store;

class Stopwatch {
 public:
  double milliseconds() const {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began_)
        .count();
  }

 private:
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

void report(const char* what, std::size_t count, double milliseconds) {
  std::printf("%-34s %9zu %10.1f ms %8.3f us each\n", what, count, milliseconds,
              count == 0 ? 0.0 : milliseconds * 1000 / static_cast<double>(count));
}

Record record_for(std::size_t i, const Content& content) {
  Record record;
  record.node_id = "node_" + std::to_string(i);
  record.dag_id = "bench";
  record.key = sha256("key " + record.node_id);
  record.base_key = record.key;
  record.content = content;
  record.digest = content.hash;
  record.key_text = R"({"operation":"shell","parameters":{"command":"work )" + record.node_id +
                    R"("},"inputs":[["in/)" + record.node_id + R"(","0123456789abcdef"]]})";
  return record;
}

void bench_results(Store& store, std::size_t count) {
  constexpr std::size_t k_group = 1000;
  const Stopwatch putting;
  for (std::size_t i = 0; i < count;) {
    sys::Transaction transaction(store.database());
    for (const std::size_t stop = std::min(count, i + k_group); i < stop; ++i) {
      store.results().put(
          record_for(i, store.blobs().put("the result of node " + std::to_string(i))));
    }
    transaction.commit();
  }
  report("put results, 1,000 a transaction", count, putting.milliseconds());
  const Stopwatch loading;
  store.results().preload();
  report("preload results", count, loading.milliseconds());
  const Stopwatch finding;
  std::size_t found = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (store.results().find(sha256("key node_" + std::to_string(i)))) ++found;
  }
  report("find results, preloaded", found, finding.milliseconds());
}

void bench_digests(Store& store, std::size_t count) {
  const auto path = [](std::size_t i) { return "src/module/file_" + std::to_string(i) + ".c"; };
  const Digest hash = sha256("x");
  {
    const Stopwatch writing;
    for (std::size_t i = 0; i < count; ++i) {
      store.file_digests().remember(path(i), {i, 1, 1, i}, hash, store.world().clock.wall());
    }
    store.file_digests().write();
    report("remember and write file digests", count, writing.milliseconds());
  }
  FileDigests fresh(store.database());
  const Stopwatch loading;
  fresh.load();
  report("load file digests", fresh.size(), loading.milliseconds());
  const Stopwatch finding;
  std::size_t found = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (fresh.find(path(i), {i, 1, 1, i})) ++found;
  }
  report("find file digests", found, finding.milliseconds());
}

void bench_file(Store& store, const char* name, const std::string& target) {
  const sys::Fd from{::open(name, O_RDONLY | O_CLOEXEC)};
  const Stopwatch putting;
  const Record record = session::put_result(store, "-", from.get(), {});
  std::printf("put %s: %.1f ms\n", name, putting.milliseconds());
  const sys::Fd to{::open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  const Stopwatch getting;
  const std::uint64_t size = session::get_result(store, record.key, {}, to.get());
  std::printf("get %llu bytes: %.1f ms\n", static_cast<unsigned long long>(size),
              getting.milliseconds());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: store_bench FOLDER RESULTS DIGESTS [FILE]\n");
    return 2;
  }
  const sys::PosixClock clock;
  sys::SystemEntropy entropy;
  sys::PosixFiles files;
  sys::PosixHost host;
  Options options;
  options.folder = std::string(argv[1]) + "/store";
  options.state_folder = std::string(argv[1]) + "/state";
  if (const char* backend = std::getenv("BACKEND")) options.backend = backend_from(backend);
  Store store(options, {clock, entropy, files, host, {}});
  bench_results(store, std::strtoull(argv[2], nullptr, 10));
  bench_digests(store, std::strtoull(argv[3], nullptr, 10));
  const Stopwatch syncing;
  store.sync();
  report("sync", 1, syncing.milliseconds());
  if (argc > 4) bench_file(store, argv[4], std::string(argv[1]) + "/copy");
  return 0;
}
