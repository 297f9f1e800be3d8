// SPDX-License-Identifier: Apache-2.0
#include "session/change_priority.h"

#include "base/text.h"
#include "journal/wishes.h"
#include "machine/doorbell.h"
#include "machine/leases.h"
#include "session/auditing.h"
#include "store/run_locks.h"

namespace dsched::session {
namespace {

struct Step {
  Priority before;
  std::optional<Priority> after;  // empty: there is no further level
};

// In one decision of the runner's machine, so that two steps at once are two steps. Empty: it
// leases no slots, or the machine could not be asked in time; the record then says what was before.
std::optional<Step> step_on_machine(const store::World& world, const std::string& machine_folder,
                                    const std::string& execution_id,
                                    const wire::PriorityWish& wish) {
  if (machine_folder.empty()) return std::nullopt;
  machine::Leases leases(machine_folder, world.clock, world.host);
  std::optional<Step> step;
  (void)leases.decide([&](machine::Leases::Draft& draft) {
    for (const machine::Member& member : draft.members) {
      if (member.execution_id != execution_id) continue;
      for (const engine::Lessee& lessee : draft.arbiter.state().lessees) {
        if (lessee.id != member.lessee) continue;
        step = Step{lessee.priority, wire::stepped(lessee.priority, wish)};
      }
      if (step && step->after) {
        draft.arbiter.set_priority(draft.now, member.lessee, *step->after);
        draft.changed.push_back(member.lessee);
      }
      return;
    }
  });
  return step;
}

// Takes the wishes for a priority out; the others keep their order. Gives the level of the last
// one.
std::optional<Priority> take_priority_wish(sys::Database& database, ExecutionNumber execution) {
  std::optional<Priority> wished;
  for (journal::Wish& waiting : journal::take_wishes(database, execution)) {
    if (waiting.kind == journal::WishKind::priority) {
      wished = Priority{static_cast<std::uint8_t>(waiting.value)};
    } else {
      journal::add_wish(database, waiting);
    }
  }
  return wished;
}

Step step_from(Priority before, const wire::PriorityWish& wish) {
  return {before, wire::stepped(before, wish)};
}

void note(store::Store& store, const journal::ExecutionRecord& record, const Step& step) {
  audit(store, {.action = "priority",
                .object = std::to_string(record.number.value),
                .outcome = "set",
                .details = {{"previous", std::to_string(step.before.level)},
                            {"priority", std::to_string(step.after->level)}}});
}

Step change_running(store::Store& store, const journal::ExecutionRecord& record,
                    const store::LockHolder& holder, const wire::PriorityWish& wish) {
  const std::string id = to_text(record.id);
  if (const auto step = step_on_machine(store.world(), holder.machine_folder, id, wish)) {
    if (!step->after) throw wire::at_the_end(wish);
    sys::Transaction transaction(store.database());
    note(store, record, *step);
    transaction.commit();
    return *step;
  }
  sys::Transaction transaction(store.database());
  const auto wished = take_priority_wish(store.database(), record.number);
  const Step step = step_from(wished.value_or(record.priority), wish);
  if (!step.after) throw wire::at_the_end(wish);
  journal::Wish added{.number = 0,
                      .execution = record.number,
                      .kind = journal::WishKind::priority,
                      .node = {},
                      .value = step.after->level,
                      .at = store.world().clock.wall()};
  journal::add_wish(store.database(), added);
  note(store, record, step);
  transaction.commit();
  store.database().sync();
  if (!holder.machine_folder.empty()) machine::ring(holder.machine_folder, std::span(&id, 1));
  return step;
}

// With the run lock in our hands.
Step change_record(store::Store& store, journal::Journal& journal, ExecutionNumber number,
                   const wire::PriorityWish& wish) {
  sys::Transaction transaction(store.database());
  auto record = journal.find(number);
  if (!record) throw Error(ErrorKind::not_found, "the execution was removed meanwhile");
  const auto wished = take_priority_wish(store.database(), number);
  const Step step = step_from(wished.value_or(record->priority), wish);
  if (!step.after) throw wire::at_the_end(wish);
  record->priority = *step.after;
  journal.update(*record);
  note(store, *record, step);
  transaction.commit();
  store.database().sync();
  return step;
}

}  // namespace

wire::PriorityAnswer change_priority(store::Store& store, journal::Journal& journal,
                                     const wire::PriorityChange& change) {
  const auto record = journal.find(change.execution);
  if (!record) {
    throw Error(ErrorKind::not_found, "execution " + escape_for_terminal(change.execution) +
                                          ": there is none in store " + store.identity().folder);
  }
  const std::string id = to_text(record->id);
  wire::PriorityAnswer answer{.execution_id = id,
                              .execution = record->number.value,
                              .priority = {},
                              .before = {},
                              .is_running = false,
                              .audit_head = {}};
  const auto answer_with = [&](const Step& step) {
    answer.priority = *step.after;
    answer.before = step.before;
    answer.audit_head = journal::audit_head_text(store.database());
    return answer;
  };
  // Once more when a runner came or went between the two looks.
  while (true) {
    if (const auto holder = store::runner_of(store, id)) {
      answer.is_running = true;
      return answer_with(change_running(store, *record, *holder, change.wish));
    }
    const auto lock = store::try_run_lock(store, {.execution_id = id, .machine_folder = {}});
    if (!std::holds_alternative<store::RunLock>(lock)) continue;
    return answer_with(change_record(store, journal, record->number, change.wish));
  }
}

}  // namespace dsched::session
