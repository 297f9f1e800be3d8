// SPDX-License-Identifier: Apache-2.0
#pragma once
// Slots within `make -jN`: one that whoever was started by make may use anyway, and one more for
// each token taken from make's jobserver.
//
// It stands before another source, whose slots are needed as well: what may be used is the lesser
// of the two. Of neither is more asked for than the other would let us use, one at most excepted,
// and a token that is not used goes back at once. A node that needs more slots than there are
// tokens runs when nothing else of ours does, with what there is: make may have given the rest to
// somebody who waits for us.

#include <memory>

#include "session/observer.h"
#include "session/request.h"
#include "session/slots.h"
#include "sys/clock.h"
#include "sys/job_tokens.h"
#include "sys/readable_set.h"

namespace dsched::session {

// In the environment of commands to whom a runner offers its slots: how its jobserver is named.
inline constexpr const char* k_offered_jobserver = "DSCHED_JOBSERVER";

// The jobserver that MAKEFLAGS names, and the request made as wide as make was asked to be. Empty:
// there is none, -j was given (which wins, with a warning), or it cannot be reached (then one node
// runs at a time, with a warning). That of another runner lets us use slots which it leases, so the
// machine is not asked for them again. To be called before anything is opened: the numbers of
// descriptors that make closed would have other files.
[[nodiscard]] std::unique_ptr<sys::JobTokens> join_jobserver(RunRequest& request,
                                                             Observer& observer);

// What commands get as MAKEFLAGS: they do not inherit descriptors. Empty: as it is.
[[nodiscard]] std::optional<std::string> makeflags_for_commands(
    const std::vector<std::string>& environment);

class JobserverSlots final : public SlotSource {
 public:
  // `tokens` and `clock` must outlive it.
  JobserverSlots(std::unique_ptr<SlotSource> inner, sys::JobTokens& tokens,
                 const sys::Clock& clock);
  ~JobserverSlots() override;  // gives all tokens back

  [[nodiscard]] Allowance update(const engine::Demand& demand) override;
  [[nodiscard]] bool cares(const engine::Demand& demand) const override;
  [[nodiscard]] int fd() const override { return both_.fd(); }
  [[nodiscard]] bool has_news() override;
  [[nodiscard]] std::optional<Instant> next_look() const override { return inner_->next_look(); }

 private:
  [[nodiscard]] std::uint32_t slots_by_tokens() const { return 1 + tokens_.held(); }
  [[nodiscard]] engine::Demand as_asked(const engine::Demand& demand) const;
  void ask_inner(const engine::Demand& demand);
  void take_up_to(std::uint32_t slots);
  void watch_tokens(bool wanted);

  std::unique_ptr<SlotSource> inner_;
  sys::JobTokens& tokens_;
  const sys::Clock& clock_;
  sys::ReadableSet both_;
  Allowance inner_says_;
  engine::Demand last_;
  Nanoseconds untold_{0};  // slot time that the inner source has not heard of
  bool is_new_ = true;
  bool is_inner_short_ = false;  // it gave less than was asked for
  bool has_inner_news_ = true;
  bool watches_tokens_ = false;
};

}  // namespace dsched::session
