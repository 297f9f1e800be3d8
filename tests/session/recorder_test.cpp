// SPDX-License-Identifier: Apache-2.0
#include "session/recorder.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "session/values.h"
#include "store/test_world.h"

namespace dsched::session {
namespace {

using namespace std::chrono_literals;

struct Desk {
  test::TestWorld world;
  std::unique_ptr<store::Store> store = world.open();
  journal::Journal journal{store->database(), journal::Journal::Tables::make};
  journal::ExecutionRecord execution;
  Recorder recorder{*store, journal};
  std::vector<std::string> told;

  Desk() {
    execution.dag_id = "dag";
    journal.submit(execution);
    recorder.begin(execution);
  }
  Instant now() const { return world.clock.now(); }
  void complete(std::uint32_t node, const std::string& bytes) {
    journal::Outcome outcome;
    outcome.node = {node};
    outcome.content = {sha256(bytes), bytes.size()};
    recorder.add(now(), outcome);
    recorder.add_content({outcome.content, bytes, {}});
    store::Record record = test::record_of("n" + std::to_string(node), outcome.content);
    recorder.add_record(std::move(record));
    recorder.after_commit([this, node] { told.push_back("n" + std::to_string(node)); });
  }
  std::size_t outcomes() {
    std::size_t count = 0;
    journal.each_outcome(execution.number, [&](journal::Outcome&&) { ++count; });
    return count;
  }
};

TEST_CASE("session: nothing is told before it is committed, then everything in order") {
  Desk desk;
  desk.complete(0, "zero");
  desk.complete(1, "one");
  CHECK(desk.told.empty());
  CHECK(desk.outcomes() == 0);
  CHECK_FALSE(desk.store->results().find(sha256("key of n0")));
  desk.recorder.commit();
  CHECK(desk.told == std::vector<std::string>{"n0", "n1"});
  CHECK(desk.outcomes() == 2);
  CHECK(desk.store->results().find(sha256("key of n1")));
  CHECK(store::read_blob(desk.store->blobs(), sha256("zero")) == "zero");
}

TEST_CASE("session: what depends on nothing uncommitted is told at once") {
  Desk desk;
  desk.recorder.after_commit([&] { desk.told.push_back("at once"); });
  CHECK(desk.told == std::vector<std::string>{"at once"});
  desk.complete(0, "zero");
  desk.recorder.after_commit([&] { desk.told.push_back("later"); });
  CHECK(desk.told.size() == 1);
  desk.recorder.commit();
  CHECK(desk.told == std::vector<std::string>{"at once", "n0", "later"});
}

TEST_CASE(
    "session: what comes alone is committed at once, what follows 10 ms after the last commit") {
  Desk desk;
  CHECK_FALSE(desk.recorder.due());
  desk.complete(0, "zero");
  CHECK(desk.recorder.due() == desk.now());
  const Instant committed = desk.now();
  desk.recorder.commit();
  CHECK_FALSE(desk.recorder.due());
  desk.world.clock.advance(3ms);
  desk.complete(1, "one");
  desk.world.clock.advance(4ms);
  desk.complete(2, "two");
  CHECK(desk.recorder.due() == committed + 10ms);
  desk.recorder.commit();
  desk.world.clock.advance(50ms);
  desk.complete(3, "three");
  CHECK(desk.recorder.due() == desk.now());
}

TEST_CASE("session: 64 KiB of outcomes are a full segment") {
  Desk desk;
  std::size_t bytes = 0;
  for (std::uint32_t i = 0; !desk.recorder.is_full(); ++i) {
    desk.recorder.add_value(desk.now(), {i}, {}, std::string(1000, 'x'));
    bytes += 1000;
    REQUIRE(bytes < 70 * 1024);
  }
  CHECK(bytes > 60 * 1024);
  desk.recorder.commit();
  CHECK_FALSE(desk.recorder.is_full());
}

TEST_CASE("session: a segment is full with as many outcomes as one may have") {
  Desk desk;
  for (std::uint32_t i = 0; i < journal::k_segment_outcomes_max; ++i) {
    CHECK_FALSE(desk.recorder.is_full());
    journal::Outcome shortest;
    shortest.kind = journal::Outcome::Kind::withdrawn;
    shortest.node = {i};
    desk.recorder.add(desk.now(), shortest);
  }
  CHECK(desk.recorder.is_full());
}

struct NewsDesk : Desk {
  int written = 0;

  NewsDesk() {
    recorder.set_news([this] {
      CHECK(store->database().in_transaction());
      ++written;
    });
  }
};

TEST_CASE(
    "session: news are not written before their interval is over, then with the next commit") {
  NewsDesk desk;
  desk.recorder.note_news(desk.now());
  desk.complete(0, "zero");
  desk.recorder.commit();
  CHECK(desk.written == 0);
  desk.world.clock.advance(journal::k_live_interval - 1ns);
  desk.complete(1, "one");
  desk.recorder.commit();
  CHECK(desk.written == 0);
  desk.world.clock.advance(1ns);
  desk.complete(2, "two");
  desk.recorder.commit();
  CHECK(desk.written == 1);
  CHECK(desk.outcomes() == 3);
  CHECK(desk.told.size() == 3);
}

TEST_CASE("session: news are committed alone where nothing else is to be") {
  NewsDesk desk;
  CHECK_FALSE(desk.recorder.due());
  desk.world.clock.advance(1h);
  desk.recorder.note_news(desk.now());
  CHECK(desk.recorder.due() == desk.now());
  desk.execution.counts.running = 7;
  desk.recorder.commit();
  CHECK(desk.written == 1);
  CHECK(desk.journal.find(desk.execution.number)->counts.running == 7);
  CHECK_FALSE(desk.recorder.due());
  // Old news are not told again, new ones not at once.
  desk.recorder.commit();
  CHECK(desk.written == 1);
  desk.recorder.note_news(desk.now());
  CHECK(desk.recorder.due() == desk.now() + journal::k_live_interval);
}

TEST_CASE("session: what is committed is synced within a second") {
  Desk desk;
  CHECK_FALSE(desk.recorder.sync_due());
  desk.complete(0, "zero");
  CHECK_FALSE(desk.recorder.sync_due());
  const Instant begun = desk.now();
  desk.recorder.commit();
  CHECK(desk.recorder.sync_due() == begun + 1s);
  desk.world.clock.advance(1s);
  desk.recorder.sync(desk.now());
  CHECK_FALSE(desk.recorder.sync_due());
}

TEST_CASE("session: a commit that fails tells nothing and leaves nothing behind") {
  Desk desk;
  desk.complete(0, "zero");
  desk.store->database().execute("ALTER TABLE segment RENAME TO elsewhere");
  CHECK_THROWS_AS(desk.recorder.commit(), Error);
  CHECK(desk.told.empty());
  CHECK_FALSE(desk.store->results().find(sha256("key of n0")));
  CHECK_FALSE(desk.store->blobs().contains(sha256("zero")));
}

TEST_CASE("session: the execution's record is rewritten with every commit") {
  Desk desk;
  desk.complete(0, "zero");
  desk.execution.counts.completed = 1;
  desk.recorder.commit();
  CHECK(desk.journal.find(desk.execution.number)->counts.completed == 1);
}

TEST_CASE("session: a staged result becomes a blob with the commit") {
  Desk desk;
  const std::string bytes = test::noise(100'000);
  executor::Captured captured;
  captured.content = {sha256(bytes), bytes.size()};
  captured.file = desk.store->stage();
  sys::write_all(captured.file->fd(), bytes, "test");
  desk.recorder.add_content(std::move(captured));
  desk.recorder.commit();
  CHECK(store::read_blob(desk.store->blobs(), sha256(bytes)) == bytes);
}

// ---- values

class NoFiles final : public ArgumentFiles {
 public:
  std::string file_for(const std::string& name, std::string_view bytes) override {
    made[name] = bytes;
    return "file " + name;
  }
  std::string file_for(const std::string& name, store::BlobReader&) override {
    return "large file " + name;
  }
  std::map<std::string, std::string> made;
};

struct Shelf {
  test::TestWorld world;
  std::unique_ptr<store::Store> store = world.open(store::Backend::sqlite);
  NoFiles files;
  Values values{4, store->blobs(), files};

  NodeResult result_of(const std::string& bytes) {
    return {{sha256(bytes), bytes.size()}, sha256("digest of " + bytes), {}};
  }
};

TEST_CASE("session: a value in memory is given as it is") {
  Shelf shelf;
  CHECK_FALSE(shelf.values.has({0}));
  shelf.values.set_value({0}, "value");
  CHECK(shelf.values.is_in_process({0}));
  CHECK(shelf.values.bytes({0}, 1000) == "value");
  CHECK(shelf.values.prefix({0}, 3) == "val");
  CHECK(shelf.values.content({0}) == store::Content{sha256("value"), 5});
  shelf.values.set_value({0}, "another");
  CHECK(shelf.values.value({0}) == "another");
}

TEST_CASE("session: bytes are held until the store has them") {
  Shelf shelf;
  const NodeResult result = shelf.result_of("bytes");
  shelf.values.set_result({1}, result);
  CHECK_FALSE(shelf.values.bytes({1}, 1000));
  shelf.values.hold_bytes(result.content.hash, "bytes");
  CHECK(shelf.values.bytes({1}, 1000) == "bytes");
  shelf.store->blobs().put("bytes");
  shelf.values.release_held();
  CHECK(shelf.values.bytes({1}, 1000) == "bytes");
  CHECK(shelf.values.digest({1}) == result.digest);
}

TEST_CASE("session: a result larger than the limit is given only in part") {
  Shelf shelf;
  const std::string bytes = test::noise(5000);
  shelf.store->blobs().put(bytes);
  shelf.values.set_result({1}, shelf.result_of(bytes));
  CHECK_FALSE(shelf.values.bytes({1}, 4999));
  CHECK(shelf.values.prefix({1}, 100) == bytes.substr(0, 100));
  CHECK(shelf.values.prefix({1}, 5000) == bytes);
}

TEST_CASE("session: an empty result needs no blob") {
  Shelf shelf;
  shelf.values.set_result({2}, shelf.result_of(""));
  CHECK(shelf.values.bytes({2}, 10) == "");
  CHECK(shelf.values.file({2}));
}

TEST_CASE("session: what the store has lost is said to be lost") {
  Shelf shelf;
  shelf.values.set_result({3}, shelf.result_of("gone"));
  CHECK_FALSE(shelf.values.bytes({3}, 10));
  CHECK_FALSE(shelf.values.prefix({3}, 2));
  CHECK_FALSE(shelf.values.file({3}));
  CHECK_FALSE(shelf.values.write({3}, -1));
}

TEST_CASE("session: small arguments are files in memory, large ones their own") {
  Shelf shelf;
  shelf.store->blobs().put("small");
  shelf.values.set_result({0}, shelf.result_of("small"));
  const std::string name = to_hex(sha256("small"));
  CHECK(shelf.values.file({0}) == "file " + name);
  CHECK(shelf.files.made.at(name) == "small");
  const std::string large = test::noise(100'000);
  shelf.store->blobs().put(large);
  shelf.values.set_result({1}, shelf.result_of(large));
  CHECK(shelf.values.file({1}) == "large file " + to_hex(sha256(large)));
}

}  // namespace
}  // namespace dsched::session
