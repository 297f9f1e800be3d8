// SPDX-License-Identifier: Apache-2.0
#include "journal/outcome.h"

#include <doctest/doctest.h>

#include <random>

namespace dsched::journal {
namespace {

using namespace std::chrono_literals;
using Kind = Outcome::Kind;

store::Content content(const std::string& bytes) {
  return {sha256(bytes), bytes.size()};
}

// A completed outcome with every field that it can have.
Outcome full() {
  Outcome out;
  out.node = {4'000'000'000};
  out.attempt = 300;
  out.at = 123456789us;
  out.took = 77us;
  out.waited = 88us;
  out.suspended = 33us;
  out.user = 5us;
  out.system = 6us;
  out.peak_memory_kib = 1ULL << 40;
  out.key = sha256("key");
  out.content = content("result");
  out.outputs = {{"a.o", 0, true, content("object"), {}},
                 {"folder/\xC3\xA9", 2, false, content("manifest"), {content("x"), content("y")}}};
  out.log = content("a log");
  return out;
}

Outcome failed() {
  Outcome out;
  out.kind = Kind::failed;
  out.node = {1};
  out.attempt = 2;
  out.at = 9us;
  out.took = 1h;
  out.waited = 2h;
  out.failure = FailureClass::signal;
  out.signal = 9;
  out.error = "signal 9 (KILL)";
  out.log = content("last words");
  return out;
}

bool is_same(const Outcome& a, const Outcome& b) {
  return a.kind == b.kind && a.node == b.node && a.attempt == b.attempt && a.at == b.at &&
         a.took == b.took && a.waited == b.waited && a.suspended == b.suspended &&
         a.user == b.user && a.system == b.system && a.peak_memory_kib == b.peak_memory_kib &&
         a.key == b.key && a.value == b.value && a.content == b.content && a.outputs == b.outputs &&
         a.log == b.log && a.failure == b.failure && a.exit_code == b.exit_code &&
         a.signal == b.signal && a.error == b.error;
}

std::string segment_of(const std::vector<Outcome>& outcomes) {
  SegmentWriter writer;
  for (const Outcome& outcome : outcomes) writer.append(outcome);
  return writer.take();
}

std::optional<std::vector<Outcome>> read(std::string_view segment) {
  std::vector<Outcome> outcomes;
  const bool ok =
      read_segment(segment, [&](Outcome&& outcome) { outcomes.push_back(std::move(outcome)); });
  if (!ok) return std::nullopt;
  return outcomes;
}

void check_round_trip(const Outcome& outcome) {
  const auto back = read(segment_of({outcome}));
  REQUIRE(back);
  REQUIRE(back->size() == 1);
  CHECK(is_same(back->front(), outcome));
}

TEST_CASE("journal: a segment gives back every kind of outcome with every field") {
  check_round_trip(full());
  check_round_trip(failed());
  Outcome kept = full();
  kept.kind = Kind::kept;
  check_round_trip(kept);
  Outcome exited = failed();
  exited.failure = FailureClass::exit;
  exited.signal.reset();
  exited.exit_code = 0;
  exited.user = 1us;
  check_round_trip(exited);
  exited.exit_code = 255;
  exited.log.reset();
  check_round_trip(exited);
}

TEST_CASE("journal: a segment gives back outcomes with nothing but what they must have") {
  Outcome empty;
  empty.content = {sha256({}), 0};
  check_round_trip(empty);
  Outcome value;
  value.value = std::string("a value with \0 and \xFF", 20);
  check_round_trip(value);
  value.value = "";
  check_round_trip(value);
  Outcome started;
  started.kind = Kind::started;
  started.at = 5us;
  check_round_trip(started);
  Outcome withdrawn;
  withdrawn.kind = Kind::withdrawn;
  withdrawn.attempt = 7;
  check_round_trip(withdrawn);
}

TEST_CASE("journal: values appended in short are those appended in full") {
  Outcome outcome;
  outcome.node = {12};
  outcome.at = 34us;
  outcome.waited = 56us;
  outcome.value = "text";
  SegmentWriter writer;
  writer.append_value({12}, {34us, 56us}, "text");
  CHECK(writer.outcomes() == 1);
  CHECK(writer.take() == segment_of({outcome}));
}

TEST_CASE("journal: outcomes come back in the order they were appended") {
  std::vector<Outcome> outcomes(3000, full());
  for (std::uint32_t i = 0; i < outcomes.size(); ++i) outcomes[i].node = {i};
  const auto back = read(segment_of(outcomes));
  REQUIRE(back);
  REQUIRE(back->size() == outcomes.size());
  for (std::uint32_t i = 0; i < outcomes.size(); ++i) CHECK((*back)[i].node.value == i);
}

TEST_CASE("journal: a taken segment leaves the writer empty") {
  SegmentWriter writer;
  writer.append(full());
  (void)writer.take();
  CHECK(writer.bytes() == 0);
  CHECK(writer.outcomes() == 0);
  writer.append(failed());
  CHECK(writer.take() == segment_of({failed()}));
}

TEST_CASE("journal: a segment cut anywhere is refused as a whole") {
  const std::string whole = segment_of({full(), failed()});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(read(std::string_view(whole).substr(0, size)));
  }
  CHECK_FALSE(read(whole + '\0'));
}

TEST_CASE("journal: a segment with any bit flipped is refused before anything is visited") {
  const std::string whole = segment_of({full(), failed()});
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    CAPTURE(bit);
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    bool visited = false;
    CHECK_FALSE(read_segment(flipped, [&](Outcome&&) { visited = true; }));
    CHECK_FALSE(visited);
  }
}

std::string with_sum(std::string body) {
  const std::uint64_t sum = store::checksum(body);
  for (unsigned shift = 0; shift < 64; shift += 8) body += static_cast<char>(sum >> shift);
  return body;
}

TEST_CASE("journal: bytes with a right sum that are no outcomes are refused") {
  CHECK(read(with_sum("\1")));
  CHECK(read(with_sum("\2")));
  CHECK_FALSE(read(with_sum("\4")));                              // another version
  CHECK_FALSE(read(with_sum("\2\6\0\1")));                        // an unknown kind
  CHECK_FALSE(read(with_sum("\1\6\0\1")));                        // an unknown kind
  CHECK_FALSE(read(with_sum(std::string("\1\1\0", 3))));          // ends within an outcome
  CHECK_FALSE(read(with_sum("\1\4" + std::string(11, '\xFF'))));  // a number without end
}

TEST_CASE("journal: random bytes under a right sum never harm the reader") {
  std::mt19937 dice(5);
  for (int round = 0; round < 5000; ++round) {
    std::string body = round % 2 == 0 ? "\1" : "\2";
    for (auto size = dice() % 200; size > 0; --size) body += static_cast<char>(dice() % 40);
    (void)read(with_sum(body));
  }
}

std::string from_hex(std::string_view digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

// stored: these texts must never change, or journals of earlier versions can no longer be read.
TEST_CASE("journal: version 2 of the segment stays as it is") {
  Outcome value;
  value.node = {5};
  value.attempt = 1;
  value.at = 1000us;
  value.waited = 7us;
  value.value = "hi";
  const std::string segment = segment_of({value});
  CHECK(segment.substr(0, segment.size() - 8) == std::string("\2\2\5\1\4\xE8\7\0\7\2hi", 12));
  CHECK(to_hex(sha256(segment_of({full(), failed()}))) ==
        "fb0b216bddc8d40193cc51491727f7c1da3994f1ac6bcd7608b3ec34b9d019d8");
}

TEST_CASE("journal: an expansion is read as it was written, beside other outcomes") {
  Outcome expanded;
  expanded.kind = Kind::expanded;
  expanded.node = {3};
  expanded.attempt = 0;
  expanded.at = 5us;
  expanded.first = {70'000};
  expanded.elements = 1'000'000;
  expanded.content = content("[1,2]");
  const auto outcomes = read(segment_of({full(), expanded, failed()}));
  REQUIRE(outcomes);
  REQUIRE(outcomes->size() == 3);
  CHECK(is_same((*outcomes)[1], expanded));
  CHECK((*outcomes)[1].first == expanded.first);
  CHECK((*outcomes)[1].elements == expanded.elements);
  CHECK(is_same((*outcomes)[2], failed()));
}

TEST_CASE("journal: a segment of version 1 is read, without waits") {
  const auto outcomes = read(from_hex(
      "010280d0acf30eac0233959aef3a4d05068080808080202c70e12b7a0646f92279f427c7b38e7334d8e5389cff16"
      "7a1dc30e73f826b683f6a214f7a5fcda0c2cee9660b7fc29f5649e3c68aad48e20e950137c98913a68060203612e"
      "6f00012958d416d08aa5a472d7b509036cb7eafd542add84527e66a145ea64cb4cdc75060009666f6c6465722fc3"
      "a9020005b3abf2579a5eb66403cd78be557fd860633a1fe2103c7642030defe32c657f08022d711642b726b04401"
      "627ca9fbac32f5c8530fb1903cc4db02258717921a488101a1fce4363854ff888cff4b8e7875d600c2682390412a"
      "8cf79b37d0b11148b0fa015775e775a009a883570f8738b2efba72ebd889bebd792398088abf4b78a55133050301"
      "0202200980c8ceb40d00090f7369676e616c203920284b494c4c29efb1a0d4329da218e73d793d25285ebe332b9b"
      "cc6bd8883478a87893d90906070a8a720e73bf22756a"));
  REQUIRE(outcomes);
  REQUIRE(outcomes->size() == 2);
  Outcome first = full();
  first.waited = first.suspended = 0us;
  Outcome second = failed();
  second.waited = 0us;
  CHECK(is_same((*outcomes)[0], first));
  CHECK(is_same((*outcomes)[1], second));
}

}  // namespace
}  // namespace dsched::journal
