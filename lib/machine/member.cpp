// SPDX-License-Identifier: Apache-2.0
#include "machine/member.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "sys/cpus.h"

namespace dsched::machine {
namespace {

using engine::Demand;
using engine::LesseeId;
using engine::MachineSettings;

constexpr int k_joins_max = 4;
constexpr Nanoseconds k_idle_look = std::chrono::seconds{1};
constexpr std::size_t k_crowd = 16;
// A moment that has come already must not make us look without a pause.
constexpr Nanoseconds k_soonest_look = std::chrono::milliseconds{1};

const Member* find_execution(const std::vector<Member>& members, const std::string& execution_id) {
  const auto at = std::find_if(members.begin(), members.end(), [&](const Member& member) {
    return member.execution_id == execution_id;
  });
  return at == members.end() ? nullptr : &*at;
}

// A tool has nothing else to do than to wait: at most k_lock_lost, then the file is replaced.
Decision decide_at_last(Leases& leases, const std::function<void(Leases::Draft&)>& change) {
  while (true) {
    std::optional<Decision> decision = leases.decide(change);
    if (decision) return std::move(*decision);
  }
}

Member with_cpus(Member member) {
  if (member.cpus == 0) member.cpus = sys::usable_cpus();
  return member;
}

}  // namespace

Membership::Membership(std::string folder, const sys::Clock& clock, sys::Host& host, Member member,
                       Priority priority)
    : clock_(clock), self_(with_cpus(std::move(member))), leases_(std::move(folder), clock, host) {
  if (!is_doorbell_name(self_.execution_id)) {
    throw Error(ErrorKind::environment, "machine: '" + self_.execution_id + "' is no execution id");
  }
  standing_.priority = priority;
  // Whoever removes the folder may do so between the decision and the doorbell.
  for (int tries = 1; !doorbell_; ++tries) {
    try {
      join();
    } catch (const Error&) {
      if (tries == k_joins_max) throw;
    }
  }
}

void Membership::join() {
  const std::optional<Decision> decision =
      leases_.decide([&](Leases::Draft& draft) { take_seat(draft); });
  doorbell_ = std::make_unique<Doorbell>(leases_.folder(), self_.execution_id);
  if (decision) learn(*decision, {});
  next_look_ = clock_.now();  // its first report
}

Membership::~Membership() {
  doorbell_.reset();  // before somebody else may run the execution
  try {
    (void)leases_.decide([&](Leases::Draft& draft) {
      const auto self =
          std::find_if(draft.members.begin(), draft.members.end(), [&](const Member& member) {
            return member.lessee == self_.lessee && member.execution_id == self_.execution_id;
          });
      if (self == draft.members.end()) return;
      draft.arbiter.leave(draft.now, self_.lessee);
      draft.members.erase(self);
    });
  } catch (const Error&) {
    // Our byte of the file is free in any case: somebody else finds that we are gone.
  }
}

// In the table as it is now, or anew: it may be another file than the last time.
void Membership::take_seat(Leases::Draft& draft) {
  is_new_ = std::none_of(draft.members.begin(), draft.members.end(), [&](const Member& member) {
    return member.lessee == self_.lessee && member.execution_id == self_.execution_id;
  });
  if (!is_new_) return;
  if (draft.members.size() >= k_members_max) {
    throw Error(ErrorKind::environment,
                "machine " + leases_.folder() + ": too many executions at once");
  }
  while (true) {
    self_.lessee = draft.arbiter.arrive(draft.now, standing_.priority);
    // After a table was lost somebody may still hold the byte of a number that is given again.
    if (leases_.claim(self_.lessee)) break;
    draft.arbiter.leave(draft.now, self_.lessee);
  }
  draft.members.push_back(self_);
}

Standing Membership::report(const Demand& demand) {
  Demand whole = demand;
  whole.slot_time = std::max(demand.slot_time, Nanoseconds{0}) + unreported_;
  unreported_ = whole.slot_time;
  try {
    const std::optional<Decision> decision = leases_.decide([&](Leases::Draft& draft) {
      take_seat(draft);
      draft.arbiter.report(draft.now, self_.lessee, whole);
    });
    if (decision) {
      unreported_ = Nanoseconds{0};
      if (is_new_ || !doorbell_->is_in_place()) doorbell_->renew();
      learn(*decision, whole);
      return standing_;
    }
  } catch (const Error&) {
    if (standing_.holding.held.count == 0) throw;
  }
  next_look_ = clock_.now() + standing_.settings.quantum;
  return standing_;
}

void Membership::learn(const Decision& decision, const Demand& demand) {
  const engine::ArbiterState& state = decision.arbiter.state();
  standing_.holding = decision.arbiter.holding(self_.lessee);
  standing_.settings = state.settings;
  const auto lessee = std::find_if(state.lessees.begin(), state.lessees.end(),
                                   [&](const auto& each) { return each.id == self_.lessee; });
  DSCHED_ASSERT(lessee != state.lessees.end(), "it has just taken its seat");
  standing_.priority = lessee->priority;
  standing_.waiting_attempts.clear();
  for (const Member& member : decision.members) {
    if (member.parent_attempt.starts_with(self_.runner_name + "-")) {
      standing_.waiting_attempts.push_back(member.parent_attempt);
    }
  }
  std::sort(standing_.waiting_attempts.begin(), standing_.waiting_attempts.end());
  standing_.waiting_attempts.erase(
      std::unique(standing_.waiting_attempts.begin(), standing_.waiting_attempts.end()),
      standing_.waiting_attempts.end());

  // Alone nobody can give it more than it has; a newcomer rings.
  standing_.is_alone = decision.members.size() == 1;
  const bool is_short = demand.wanted > standing_.holding.held;
  const bool looks_often = standing_.holding.contended || (is_short && !standing_.is_alone);
  // The more there are, the less often each of them looks: any one's decision is for all. Those
  // who hold slots look in time.
  const std::size_t crowd = decision.members.size() / k_crowd;
  const Nanoseconds pause = standing_.settings.quantum * static_cast<std::int64_t>(crowd + 1);
  next_look_ = decision.now + (looks_often ? std::min(pause, k_idle_look) : k_idle_look);
  const std::optional<Instant> next = decision.arbiter.next_decision();
  if (next && (crowd == 0 || standing_.holding.held.count > 0)) {
    next_look_ = std::clamp(*next, decision.now + k_soonest_look, next_look_);
  }
}

void Membership::set_priority(Priority priority) {
  standing_.priority = priority;
  (void)leases_.decide([&](Leases::Draft& draft) {
    take_seat(draft);
    draft.arbiter.set_priority(draft.now, self_.lessee, priority);
  });
}

MachineSettings set_settings(Leases& leases, const std::function<void(MachineSettings&)>& change) {
  const Decision decision = decide_at_last(leases, [&](Leases::Draft& draft) {
    MachineSettings settings = draft.arbiter.state().settings;
    change(settings);
    DSCHED_ASSERT(settings.quantum >= engine::k_quantum_min &&
                      settings.quantum <= engine::k_quantum_max && settings.slots.count >= 1 &&
                      settings.slots.count <= engine::k_slots_max,
                  "callers check what people write");
    draft.arbiter.set_settings(draft.now, settings);
    for (const Member& member : draft.members) draft.changed.push_back(member.lessee);
  });
  leases.sync();
  return decision.arbiter.state().settings;
}

std::optional<Member> schedule_next(Leases& leases) {
  std::optional<LesseeId> next;
  const Decision decision = decide_at_last(leases, [&](Leases::Draft& draft) {
    next = draft.arbiter.schedule_next(draft.now, draft.changed);
  });
  if (!next) return std::nullopt;
  const auto at = std::find_if(decision.members.begin(), decision.members.end(),
                               [&](const Member& member) { return member.lessee == *next; });
  DSCHED_ASSERT(at != decision.members.end(), "every lessee is a member");
  return *at;
}

bool set_priority(Leases& leases, const std::string& execution_id, Priority priority) {
  bool found = false;
  (void)decide_at_last(leases, [&](Leases::Draft& draft) {
    const Member* const member = find_execution(draft.members, execution_id);
    found = member != nullptr;
    if (!found) return;
    draft.arbiter.set_priority(draft.now, member->lessee, priority);
    draft.changed.push_back(member->lessee);
  });
  return found;
}

}  // namespace dsched::machine
