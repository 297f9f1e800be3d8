// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a runner remembers of streams: which are written now, and attempts that wait to be judged.
//
// A reader may end before its producer. Then neither is it recorded nor is its result anybody's
// until the engine says what becomes of it; so no completion ever stands in the journal before what
// it depends on.

#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/ids.h"
#include "executor/attempt.h"
#include "session/examiner.h"

namespace dsched::session {

struct UnderWay {  // between StartAttempt and the end of the attempt
  Keyed keyed;
  std::string attempt_id;
  // The producer whose stream it reads; its key is made anew when that one's digest is known.
  std::optional<NodeIndex> reads;
};

class StreamBook {
 public:
  struct Unjudged {
    executor::Ended ended;
    UnderWay under_way;
  };

  // A new attempt of the producer writes.
  std::shared_ptr<executor::Stream> begin(NodeIndex producer,
                                          std::optional<std::uint64_t> max_lag_bytes) {
    return streams_[producer] = std::make_shared<executor::Stream>(max_lag_bytes);
  }
  // None when it does not write, or not any more.
  [[nodiscard]] std::shared_ptr<executor::Stream> find(NodeIndex producer) const {
    const auto found = streams_.find(producer);
    return found == streams_.end() ? nullptr : found->second;
  }
  // Who reads it keeps it.
  void forget(NodeIndex producer) { streams_.erase(producer); }

  void hold(Unjudged&& attempt) {
    const NodeIndex node = attempt.ended.node;
    unjudged_.insert_or_assign(node, std::move(attempt));
  }
  [[nodiscard]] std::optional<Unjudged> take(NodeIndex node) {
    const auto found = unjudged_.find(node);
    if (found == unjudged_.end()) return std::nullopt;
    std::optional<Unjudged> attempt = std::move(found->second);
    unjudged_.erase(found);
    return attempt;
  }

 private:
  std::unordered_map<NodeIndex, std::shared_ptr<executor::Stream>> streams_;
  std::map<NodeIndex, Unjudged> unjudged_;
};

}  // namespace dsched::session
