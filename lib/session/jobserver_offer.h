// SPDX-License-Identifier: Apache-2.0
#pragma once
// The execution's slots, offered to the makes, ninjas and cargos that its nodes run.
//
// It stands before another source. Of the slots that one leases, nodes take theirs; the rest are
// tokens in a fifo while a node runs. Who takes a token uses a slot of the execution:
//
//   held = what nodes may use + tokens that nobody has + tokens that clients have
//
// Nodes that are ready come before tokens that nobody has, and those go back first when the machine
// wants slots back. What clients have comes back when they give it; nobody can be asked for it.
// A client that is killed loses the tokens it has. They are made good when no command runs, not
// even one that stands still. Nor does a token count as used while all nodes stand still.

#include <array>
#include <memory>
#include <string>

#include "session/environment.h"
#include "session/request.h"
#include "session/slots.h"
#include "sys/attempt_table.h"
#include "sys/clock.h"
#include "sys/job_fifo.h"
#include "sys/readable_set.h"

namespace dsched::session {

// Makes `automatic` one of the others: by what the make in the PATH of commands says of itself. To
// be called before attempts run.
void settle_style(RunRequest& request);

// Makes the fifo below the machine folder, in the runner's own, and tells commands of it. Empty
// when the request does not ask for it.
[[nodiscard]] std::unique_ptr<sys::JobFifo> offer_jobserver(const RunRequest& request,
                                                            const std::string& machine_folder,
                                                            const std::string& runner_name,
                                                            Environment& environment);
// What commands inherit of it.
[[nodiscard]] std::array<int, 2> descriptors_for_commands(const RunRequest& request,
                                                          const sys::JobFifo* fifo);

class OfferedSlots final : public SlotSource {
 public:
  // `width` is the most that the execution may use; empty: the slots of the machine. The
  // references must outlive it.
  OfferedSlots(std::unique_ptr<SlotSource> inner, sys::JobFifo& fifo,
               const sys::AttemptTable& table, const sys::Clock& clock, std::optional<Slots> width);
  ~OfferedSlots() override;

  [[nodiscard]] Allowance update(const engine::Demand& demand) override;
  [[nodiscard]] bool cares(const engine::Demand& demand) const override;
  [[nodiscard]] int fd() const override { return both_.fd(); }
  [[nodiscard]] bool has_news() override;
  [[nodiscard]] std::optional<Instant> next_look() const override { return inner_->next_look(); }
  void attempts_ended() override;

 private:
  [[nodiscard]] std::uint32_t taken(std::uint32_t idle) const;
  [[nodiscard]] engine::Demand as_asked(const engine::Demand& demand, std::uint32_t idle) const;
  [[nodiscard]] std::uint32_t to_offer(const engine::Demand& demand) const;
  [[nodiscard]] std::uint32_t settle_tokens();
  void offer(std::uint32_t tokens);
  void watch_tokens(bool wanted);

  std::unique_ptr<SlotSource> inner_;
  sys::JobFifo& fifo_;
  const sys::AttemptTable& table_;
  const sys::Clock& clock_;
  std::optional<Slots> width_;
  sys::ReadableSet both_;
  Allowance inner_says_;
  std::uint32_t looks_ = 0;  // while others wait and nobody takes tokens, one is tried now and then
  std::uint32_t offered_ = 0;  // tokens there are, in the fifo and with clients
  Instant charged_until_;
  bool is_new_ = true;
  bool watches_tokens_ = false;
};

}  // namespace dsched::session
