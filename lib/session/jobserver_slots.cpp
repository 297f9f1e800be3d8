// SPDX-License-Identifier: Apache-2.0
#include "session/jobserver_slots.h"

#include <algorithm>
#include <utility>

#include "session/environment.h"
#include "session/makeflags.h"

namespace dsched::session {
namespace {

std::uint32_t useful(const engine::Demand& demand) {
  return std::max(demand.wanted.count, demand.in_use.count);
}

std::optional<Jobserver> jobserver_of(const std::vector<std::string>& environment) {
  const Environment variables(environment, {});
  return jobserver_in(variables.get("MAKEFLAGS").value_or(std::string_view{}));
}

}  // namespace

std::unique_ptr<sys::JobTokens> join_jobserver(RunRequest& request, Observer& observer) {
  const auto server = jobserver_of(request.environment);
  if (!server) return nullptr;
  if (request.run.is_width_chosen) {
    observer.note("warning: -j was given: tokens of make's jobserver are not used");
    return nullptr;
  }
  std::unique_ptr<sys::JobTokens> tokens;
  if (const auto* pipe = std::get_if<JobDescriptors>(&server->where)) {
    tokens = sys::JobTokens::on_descriptors(pipe->reading, pipe->writing);
  } else {
    tokens = sys::JobTokens::on_fifo(std::get<JobFifo>(server->where).path);
  }
  if (!tokens) {
    observer.note(
        "warning: make's jobserver cannot be reached: one node runs at a time; put + before the "
        "command in the makefile, or give -j");
  }
  const Environment variables(request.environment, {});
  if (variables.get(k_offered_jobserver) == server->auth) request.shares_machine = false;
  if (!tokens || server->jobs) {
    constexpr std::uint32_t k_jobs_max = 4096;
    request.run.width = {tokens ? std::min(*server->jobs, k_jobs_max) : 1};
    request.run.is_width_chosen = true;
  }
  return tokens;
}

std::optional<std::string> makeflags_for_commands(const std::vector<std::string>& environment) {
  const auto server = jobserver_of(environment);
  if (!server || std::holds_alternative<JobFifo>(server->where)) return std::nullopt;
  return without_jobserver(*Environment(environment, {}).get("MAKEFLAGS"));
}

JobserverSlots::JobserverSlots(std::unique_ptr<SlotSource> inner, sys::JobTokens& tokens,
                               const sys::Clock& clock)
    : inner_(std::move(inner)), tokens_(tokens), clock_(clock) {
  both_.add(inner_->fd());
}

JobserverSlots::~JobserverSlots() {
  both_.remove(inner_->fd());
  watch_tokens(false);
  tokens_.give_back(tokens_.held());
}

engine::Demand JobserverSlots::as_asked(const engine::Demand& demand) const {
  engine::Demand asked = demand;
  asked.wanted = std::min(demand.wanted, Slots{slots_by_tokens() + (is_inner_short_ ? 1 : 0)});
  return asked;
}

void JobserverSlots::ask_inner(const engine::Demand& demand) {
  untold_ += demand.slot_time;
  const std::optional<Instant> look = inner_->next_look();
  engine::Demand asked = as_asked(demand);
  const bool is_time = look && *look <= clock_.now();
  if (!std::exchange(has_inner_news_, false) && !is_time && !inner_->cares(asked)) return;
  asked.slot_time = std::exchange(untold_, Nanoseconds{0});
  inner_says_ = inner_->update(asked);
  is_inner_short_ = inner_says_.holding.held < asked.wanted;
}

void JobserverSlots::take_up_to(std::uint32_t slots) {
  if (slots > slots_by_tokens()) tokens_.take(slots - slots_by_tokens());
}

Allowance JobserverSlots::update(const engine::Demand& demand) {
  const std::uint32_t wanted = useful(demand);
  // Nobody knows how much the inner source has, as long as it gave all that was asked for.
  if (!is_inner_short_) take_up_to(wanted);
  ask_inner(demand);
  is_new_ = false;
  last_ = demand;

  Allowance allowance = inner_says_;
  engine::Holding& holding = allowance.holding;
  const std::uint32_t leased = holding.held.count;
  const std::uint32_t usable = leased - std::min(leased, holding.due.count);
  take_up_to(std::min(wanted, leased));
  const std::uint32_t keep = std::max({demand.in_use.count, std::min(wanted, leased), 1U});
  if (keep < slots_by_tokens()) tokens_.give_back(slots_by_tokens() - keep);
  const bool is_short =
      slots_by_tokens() < wanted && (!is_inner_short_ || slots_by_tokens() < leased);
  watch_tokens(is_short);
  holding.held = std::min(holding.held, Slots{slots_by_tokens()});
  holding.due = {holding.held.count - std::min(holding.held.count, usable)};
  const bool is_stuck = is_short && demand.in_use.count == 0 && demand.next_need > holding.held;
  if (is_stuck) allowance.machine = std::max(holding.held, Slots{1});
  return allowance;
}

bool JobserverSlots::cares(const engine::Demand& demand) const {
  if (is_new_ || inner_->cares(as_asked(demand))) return true;
  const bool is_news = demand.wanted != last_.wanted || demand.in_use != last_.in_use ||
                       demand.next_need != last_.next_need;
  return is_news && useful(demand) != slots_by_tokens();
}

bool JobserverSlots::has_news() {
  has_inner_news_ = inner_->has_news() || has_inner_news_;
  return has_inner_news_ || (watches_tokens_ && sys::is_readable(tokens_.fd()));
}

// Only while one would be used: it is readable as long as there is a token for somebody.
void JobserverSlots::watch_tokens(bool wanted) {
  if (wanted == watches_tokens_) return;
  if (wanted) {
    both_.add(tokens_.fd());
  } else {
    both_.remove(tokens_.fd());
  }
  watches_tokens_ = wanted;
}

}  // namespace dsched::session
