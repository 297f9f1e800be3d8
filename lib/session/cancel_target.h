// SPDX-License-Identifier: Apache-2.0
#pragma once
// One execution or node that something is asked of, from the wish to its fulfilment.
//
// A Target is polled: step() looks once and never waits. States:
//
//   asked     the wish is in the store              -> taken: the runner removed it;
//                                                   killed: it did not within `reaction`;
//                                                   settling: there is no runner (any more)
//   taken     the runner knows                      -> settling: its run lock is free;
//                                                   killed: it did not end within `ending`;
//                                                   closed: (node, pause) it is so
//   killed    the runner was ended by force         -> settling: it and its family are gone
//   settling  nobody runs it; the record says how   -> closed: the record is final, or was made so
//             it stands                             here; asked: somebody resumed it meanwhile
//   closed    item() is the answer

#include <optional>
#include <string>

#include "journal/wishes.h"
#include "session/cancel.h"
#include "session/forced_end.h"
#include "store/run_locks.h"

namespace dsched::session {

class Target {
 public:
  Target(const CancelWorld& world, wire::CancelAction action, journal::ExecutionRecord record,
         wire::CancelItem item);

  // Decides what needs no wish. Otherwise adds the wish, in the caller's transaction.
  void ask(WallTime wall);
  // Tells the runner; after the wish is safe.
  void ring();
  void step(Instant now);
  [[nodiscard]] bool is_closed() const { return closed_; }
  [[nodiscard]] const wire::CancelItem& item() const { return item_; }

 private:
  using Result = wire::CancelResult;

  void close(Result result, std::string detail = {});
  void close_as_recorded(const journal::ExecutionRecord& record);
  [[nodiscard]] std::optional<store::LockHolder> holder() const {
    return store::runner_of(world_.store, item_.execution_id);
  }
  [[nodiscard]] bool is_for_node() const { return !item_.node_id.empty(); }
  [[nodiscard]] bool is_paused() const;
  [[nodiscard]] bool is_node_under_way() const;
  [[nodiscard]] journal::Wish wish(WallTime wall) const;
  void ask_without_runner(WallTime wall);
  void ask_again(Instant now);
  void follow(Instant now, const store::LockHolder& holder);
  void force(Instant now, const store::LockHolder& holder);
  void settle(Instant now);
  void settle_unheld();
  void settle_held(Instant now);
  void record_as_cancelled(journal::ExecutionRecord record);

  const CancelWorld& world_;
  wire::CancelAction action_;
  journal::ExecutionRecord record_;
  wire::CancelItem item_;
  std::optional<sys::ProcessInfo> runner_;  // as last seen
  std::optional<ForcedEnd> forced_;
  std::optional<Instant> deadline_;  // of the present state
  std::optional<Instant> free_since_;
  bool taken_ = false;
  bool closed_ = false;
};

}  // namespace dsched::session
