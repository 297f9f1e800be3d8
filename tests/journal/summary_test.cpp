// SPDX-License-Identifier: Apache-2.0
#include "journal/summary.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "base/error.h"
#include "journal/journal.h"
#include "journal/live.h"
#include "journal/wishes.h"
#include "support/temp_folder.h"

namespace dsched::journal {
namespace {

using namespace std::chrono_literals;

// What the percentile is by its definition.
std::optional<Nanoseconds> naive(std::vector<std::int64_t> micros, int percent) {
  if (micros.empty()) return std::nullopt;
  std::sort(micros.begin(), micros.end());
  const std::size_t n = micros.size();
  const std::size_t rank = (n * static_cast<std::size_t>(percent) + 99) / 100;  // ceil
  return std::chrono::microseconds{micros[rank == 0 ? 0 : rank - 1]};
}

Latencies of(const std::vector<std::int64_t>& micros) {
  Latencies out;
  for (const std::int64_t one : micros) out.add(std::chrono::microseconds{one});
  return out;
}

// Durations as programs have them: from microseconds to days.
std::vector<std::int64_t> durations(std::mt19937_64& dice, std::size_t count) {
  std::vector<std::int64_t> micros(count);
  for (std::int64_t& one : micros) one = static_cast<std::int64_t>(dice() >> (26 + dice() % 38));
  return micros;
}

TEST_CASE("journal: few latencies give every percentile exactly, by nearest rank") {
  std::mt19937_64 dice(1);
  for (std::size_t count = 0; count <= k_exact_max; count += count < 12 ? 1 : 83) {
    const auto micros = durations(dice, count);
    const Latencies latencies = of(micros);
    CHECK(latencies.is_exact());
    CHECK(latencies.count() == count);
    for (int percent = 0; percent <= 100; ++percent) {
      CAPTURE(count);
      CAPTURE(percent);
      CHECK(latencies.percentile(percent) == naive(micros, percent));
    }
  }
}

TEST_CASE("journal: many latencies give every percentile at most 0.4 % off") {
  std::mt19937_64 dice(2);
  const auto micros = durations(dice, 20'000);
  const Latencies latencies = of(micros);
  CHECK_FALSE(latencies.is_exact());
  for (int percent = 0; percent <= 100; ++percent) {
    CAPTURE(percent);
    const auto right = static_cast<double>(naive(micros, percent)->count());
    const auto said = static_cast<double>(latencies.percentile(percent)->count());
    CHECK(std::abs(said - right) <= 0.004 * right);
  }
}

TEST_CASE("journal: negative and very long latencies have a place") {
  Latencies latencies;
  for (std::size_t i = 0; i <= k_exact_max; ++i) latencies.add(Nanoseconds::max());
  latencies.add(-5s);
  CHECK(latencies.percentile(0) == 0s);
  const auto longest = static_cast<double>(latencies.percentile(100)->count());
  CHECK(longest / static_cast<double>(Nanoseconds::max().count()) ==
        doctest::Approx(1).epsilon(0.004));
}

TEST_CASE("journal: merged latencies are those of all, exact while every part was") {
  std::mt19937_64 dice(3);
  std::vector<std::int64_t> all;
  Latencies merged;
  for (int part = 0; part < 5; ++part) {
    const auto micros = durations(dice, 400);
    all.insert(all.end(), micros.begin(), micros.end());
    merged.merge(of(micros));
  }
  CHECK(merged.is_exact());
  CHECK(merged.count() == all.size());
  CHECK(merged.percentile(95) == naive(all, 95));
  const auto many = durations(dice, 1000);
  all.insert(all.end(), many.begin(), many.end());
  Latencies other_way = of(many);
  other_way.merge(merged);
  merged.merge(of(many));
  CHECK_FALSE(merged.is_exact());
  CHECK(merged.count() == all.size());
  const Latencies at_once = of(all);
  for (const double percent : {1.0, 50.0, 95.0, 99.0, 99.9}) {
    CHECK(merged.percentile(percent) == at_once.percentile(percent));
    CHECK(other_way.percentile(percent) == at_once.percentile(percent));
  }
}

TEST_CASE("journal: latencies come back as they were written") {
  std::mt19937_64 dice(4);
  for (const std::size_t count : {0U, 1U, 512U, 513U, 5000U}) {
    const Latencies put = of(durations(dice, count));
    std::string bytes;
    put.write(bytes);
    FieldReader in{bytes};
    const Latencies got = Latencies::read(in);
    CHECK(in.at_end());
    CHECK(got.count() == count);
    CHECK(got.is_exact() == put.is_exact());
    for (const double percent : {0.0, 50.0, 95.0, 100.0}) {
      CHECK(got.percentile(percent) == put.percentile(percent));
    }
  }
}

TEST_CASE("journal: bytes that are no latencies are refused, whatever they are") {
  std::mt19937 dice(5);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes;
    for (auto size = dice() % 30; size > 0; --size) {
      bytes += static_cast<char>(dice() % 4 == 0 ? dice() : dice() % 4);
    }
    FieldReader in{bytes};
    const Latencies got = Latencies::read(in);
    if (in.ok) CHECK(got.percentile(50).has_value() == (got.count() > 0));
  }
  for (const char* hostile : {"\1\1\0", "\2\1\1\5\1", "\1\1\1\5\2", "\1\1\2\5\1\0\1"}) {
    FieldReader in{hostile};
    (void)Latencies::read(in);
    CHECK_FALSE(in.ok);
  }
}

struct Figures {
  testing::TempFolder folder;
  sys::Database database{{.path = folder / "journal.db", .mode = {}, .vfs = {}}};
  Journal journal{database, Journal::Tables::make};
  const WallTime start{1'700'000'000s};  // a whole number of cells, and no whole hour

  static Summary one(Nanoseconds latency) {
    Summary figures;
    figures.completed = 1;
    figures.processing = latency / 2;
    figures.latency.add(latency);
    figures.queue.add(latency / 4);
    return figures;
  }
  void add(std::uint64_t execution, Nanoseconds after, const char* operation,
           const Summary& figures) {
    add_summary(database, {execution}, start + after, operation, figures);
  }
  Summary sum(const SummaryQuery& query = {}) { return sum_up(database, query).figures; }
  std::int64_t rows() {
    auto count = database.prepare("SELECT count(*) FROM summary");
    return count.step() ? count.integer(0) : -1;
  }
};

TEST_CASE("journal: figures come back with every field, added to what stood there") {
  Figures book;
  CHECK(book.sum().nodes() == 0);
  CHECK_FALSE(sum_up(book.database, {}).earliest);
  Summary figures = Figures::one(8ms);
  figures.completed = 7;
  figures.reused = 4;
  figures.failed = 2;
  figures.cancelled = 1;
  figures.tokens = 1000;
  figures.token_time = 3s;
  figures.batch_used = 2s;
  figures.batch_room = 5s;
  book.add(1, 1s, "shell", figures);
  book.add(1, 9s, "shell", Figures::one(16ms));
  CHECK(book.rows() == 1);
  const SummaryAnswer answer = sum_up(book.database, {});
  CHECK(answer.figures.completed == 8);
  CHECK(answer.figures.reused == 4);
  CHECK(answer.figures.failed == 2);
  CHECK(answer.figures.cancelled == 1);
  CHECK(answer.figures.nodes() == 11);
  CHECK(answer.figures.processing == 12ms);
  CHECK(answer.figures.tokens == 1000);
  CHECK(answer.figures.token_time == 3s);
  CHECK(answer.figures.batch_used == 2s);
  CHECK(answer.figures.batch_room == 5s);
  CHECK(answer.figures.latency.percentile(50) == 8ms);
  CHECK(answer.figures.latency.percentile(51) == 16ms);
  CHECK(answer.figures.queue.percentile(100) == 4ms);
  CHECK(answer.earliest == book.start);
}

TEST_CASE("journal: figures are asked for by operation, by execution and from a time on") {
  Figures book;
  book.add(1, 0s, "shell", Figures::one(1ms));
  book.add(1, 10s, "const", Figures::one(2ms));
  book.add(2, 25s, "shell", Figures::one(3ms));
  CHECK(book.rows() == 3);
  CHECK(book.sum().completed == 3);
  CHECK(book.sum({.since = {}, .operation = "shell", .execution = {}}).completed == 2);
  CHECK(book.sum({.since = {}, .operation = "", .execution = {}}).completed == 0);
  CHECK(book.sum({.since = {}, .operation = {}, .execution = ExecutionNumber{1}}).completed == 2);
  // A cell counts until it is over.
  const auto since = [&](Nanoseconds after) {
    return book.sum({.since = book.start + after, .operation = {}, .execution = {}}).completed;
  };
  CHECK(since(10s - 1ns) == 3);
  CHECK(since(10s) == 2);
  CHECK(since(20s) == 1);
  CHECK(since(30s) == 0);
  const SummaryAnswer answer =
      sum_up(book.database, {.since = book.start + 12s, .operation = {}, .execution = {}});
  CHECK(answer.earliest == book.start + 10s);
}

TEST_CASE("journal: a cell with many latencies keeps classes only, all cells of few stay exact") {
  Figures book;
  for (int cell = 0; cell < 4; ++cell) {
    for (int i = 0; i < 300; ++i) book.add(1, cell * 10s, "shell", Figures::one(1ms * (i + 1)));
  }
  CHECK(book.sum().latency.is_exact());
  CHECK(book.sum().latency.count() == 1200);
  for (int i = 0; i < 300; ++i) book.add(1, 0s, "shell", Figures::one(1ms * (i + 1)));
  CHECK_FALSE(book.sum().latency.is_exact());
  CHECK(book.sum().latency.count() == 1500);
}

TEST_CASE("journal: old cells are merged into hours, and nothing is lost") {
  Figures book;
  for (int i = 0; i < 500; ++i) book.add(1, i * 30s, "shell", Figures::one(1ms * i));
  book.add(2, 30s, "const", Figures::one(1s));
  const WallTime now = book.start + 500 * 30s;
  coarsen_summaries(book.database, now);
  CHECK(book.rows() < 500);
  CHECK(book.rows() >= 200);  // the last two hours stay fine
  CHECK(book.sum().completed == 501);
  CHECK(book.sum().latency.percentile(50) == 250ms);
  CHECK(book.sum({.since = {}, .operation = {}, .execution = ExecutionNumber{2}}).completed == 1);
  const std::int64_t rows = book.rows();
  coarsen_summaries(book.database, now);
  CHECK(book.rows() == rows);
  coarsen_summaries(book.database, now + 100h);
  CHECK(book.rows() < 8);
  CHECK(book.sum().completed == 501);
}

TEST_CASE("journal: figures that were changed are damage, and new ones replace them") {
  Figures book;
  book.add(1, 0s, "shell", Figures::one(1ms));
  book.database.execute("UPDATE summary SET figures=x'01020304050607080910'");
  try {
    (void)book.sum();
    FAIL("damaged figures were summed up");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::damaged);
  }
  book.add(1, 0s, "shell", Figures::one(1ms));
  CHECK(book.sum().completed == 1);
}

TEST_CASE("journal: what goes with an execution are its figures, its news and its wishes") {
  Figures book;
  ExecutionRecord record;
  record.dag_id = "dag";
  book.journal.submit(record);
  book.add(record.number.value, 0s, "shell", Figures::one(1ms));
  book.add(99, 0s, "shell", Figures::one(1ms));
  put_live(book.database, record.number, {});
  Wish wish{.number = 0, .execution = record.number, .kind = {}, .node = {}, .value = 0, .at = {}};
  add_wish(book.database, wish);
  book.journal.remove(record.number);
  CHECK(book.sum().completed == 1);
  CHECK_FALSE(live(book.database, record.number));
  CHECK_FALSE(has_wishes(book.database, record.number));
}

TEST_CASE("journal: a store of an earlier version reads as one without news, wishes and figures") {
  Figures book;
  ExecutionRecord record;
  record.dag_id = "dag";
  record.started_at = book.start;
  book.journal.submit(record);
  book.database.execute(
      "DROP TABLE live; DROP TABLE wish; DROP TABLE summary;"
      "ALTER TABLE execution DROP COLUMN started_at");
  {
    sys::Database reading{{.path = book.folder / "journal.db",
                           .mode = sys::DatabaseOptions::Mode::read_only,
                           .vfs = {}}};
    Journal journal{reading, Journal::Tables::expect};
    const auto found = journal.find(record.number);
    REQUIRE(found);
    CHECK(found->dag_id == "dag");
    CHECK_FALSE(found->started_at);
    CHECK_FALSE(live(reading, record.number));
    CHECK_FALSE(has_wishes(reading, record.number));
    CHECK(sum_up(reading, {}).figures.nodes() == 0);
  }
  sys::Database writing{{.path = book.folder / "journal.db", .mode = {}, .vfs = {}}};
  Journal journal{writing, Journal::Tables::make};
  auto found = journal.find(record.number);
  REQUIRE(found);
  found->started_at = book.start;
  journal.update(*found);
  CHECK(journal.find(record.number)->started_at == book.start);
  put_live(writing, record.number, {});
  CHECK(live(writing, record.number));
}

}  // namespace
}  // namespace dsched::journal
