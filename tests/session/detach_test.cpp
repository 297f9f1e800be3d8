// SPDX-License-Identifier: Apache-2.0
#include "session/detach.h"

#include <doctest/doctest.h>

#include "base/error.h"

namespace dsched::session {
namespace {

// Every member differs from its default.
RunRequest unusual_request() {
  RunRequest request;
  request.program = program::source_from("{\"nodes\": []}\n");
  request.folder = "/a folder\xFF";
  request.program_options.set = {{"x", "1"}, {"x", "\xFE"}, {"y", ""}};
  request.run.width = {4096};
  request.run.is_width_chosen = true;
  request.run.failure_limit = std::uint64_t{1} << 60;
  request.run.retries = 1000;
  request.run.priority = {10};
  request.run.targets = {"a", "out/b\xFF"};
  request.run.operations_folder = "/ops";
  request.run.use_cache = false;
  request.run.explain = true;
  request.run.jobserver = JobserverStyle::pipe;
  request.answer.nodes = AnswerOptions::Nodes::all;
  request.answer.full_results = true;
  request.answer.with_results = false;
  request.answer.result_node = "";
  request.answer.result_fd = 7;
  request.resume = "@latest";
  request.store.folder = "elsewhere";
  request.store.mode = store::Mode::existing;
  request.store.backend = store::Backend::filesystem;
  request.store.compression = store::Compression::zstd;
  request.store.results_folder = "/results";
  request.store.trust = store::Trust::adopt;
  request.store.state_folder = "/state";
  request.environment = {"A=1"};
  request.initiated_by = "somebody";
  request.pass_through = true;
  return request;
}

// What a request is made of, so that two can be compared: the settings and the text.
std::pair<std::string, std::string> texts(const RunRequest& request, const LogSettings& log) {
  const sys::HandedOver handed = pack(request, log);
  return {handed.settings, handed.text};
}

TEST_CASE("session: a request that is handed over arrives with all its members") {
  const RunRequest request = unusual_request();
  const LogSettings log{.program_name = "p\xFF.json",
                        .progress = "json",
                        .color = "always",
                        .quiet = true,
                        .notify = "tell \"me\""};
  const Unpacked arrived = unpack(pack(request, log), {"B=2"});
  CHECK(texts(arrived.request, arrived.log) == texts(request, log));
  CHECK(texts(arrived.request, arrived.log) != texts({}, {}));
  CHECK(arrived.request.program->text == request.program->text);
  CHECK(arrived.request.folder == request.folder);
  CHECK(arrived.request.program_options.set == request.program_options.set);
  CHECK(arrived.request.run.failure_limit == request.run.failure_limit);
  CHECK(arrived.request.answer.result_node == std::optional<std::string>(""));
  CHECK(arrived.request.store.backend == store::Backend::filesystem);
  CHECK(arrived.log.program_name == log.program_name);
  CHECK(arrived.log.quiet);
  CHECK(arrived.log.notify == log.notify);
}

TEST_CASE("session: the environment of a request is inherited, not handed over") {
  const Unpacked arrived = unpack(pack(unusual_request(), {}), {"B=2"});
  CHECK(arrived.request.environment == std::vector<std::string>{"B=2"});
}

TEST_CASE("session: what a request does not have is absent after it was handed over") {
  RunRequest request;
  request.run.failure_limit.reset();
  const Unpacked arrived = unpack(pack(request, {}), {});
  CHECK_FALSE(arrived.request.program);
  CHECK_FALSE(arrived.request.resume);
  CHECK_FALSE(arrived.request.run.failure_limit);
  CHECK_FALSE(arrived.request.store.backend);
}

TEST_CASE("session: a program without a byte is still a program when it is handed over") {
  RunRequest request;
  request.program = program::source_from("");
  CHECK(unpack(pack(request, {}), {}).request.program.has_value());
}

TEST_CASE("session: detaching is refused within a node") {
  CHECK_NOTHROW(refuse_to_detach_in_node({"HOME=/h"}));
  CHECK_THROWS_AS(refuse_to_detach_in_node({"HOME=/h", "DSCHED_ATTEMPT_ID=1-2"}), Error);
}

}  // namespace
}  // namespace dsched::session
