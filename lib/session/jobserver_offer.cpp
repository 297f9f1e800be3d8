// SPDX-License-Identifier: Apache-2.0
#include "session/jobserver_offer.h"

#include <algorithm>
#include <utility>

#include "session/jobserver_slots.h"
#include "session/makeflags.h"
#include "sys/command_output.h"
#include "sys/private_folder.h"

namespace dsched::session {
namespace {

std::uint32_t for_nodes(const engine::Demand& demand) {
  return std::max(demand.wanted.count, demand.in_use.count);
}

std::uint32_t usable(const engine::Holding& holding) {
  return holding.held.count - std::min(holding.held.count, holding.due.count);
}

std::uint32_t without(std::uint32_t count, std::uint32_t less) {
  return count - std::min(count, less);
}

}  // namespace

void settle_style(RunRequest& request) {
  if (request.run.jobserver != JobserverStyle::automatic) return;
  const std::array<std::string, 2> question{"make", "--version"};
  const std::string answer = sys::output_of(question, request.environment);
  const bool by_name = answer.empty() || knows_fifos(answer);
  request.run.jobserver = by_name ? JobserverStyle::fifo : JobserverStyle::pipe;
}

std::unique_ptr<sys::JobFifo> offer_jobserver(const RunRequest& request,
                                              const std::string& machine_folder,
                                              const std::string& runner_name,
                                              Environment& environment) {
  if (request.run.jobserver == JobserverStyle::none) return nullptr;
  const std::string folder = machine_folder + '/' + runner_name;
  sys::make_private_folder(machine_folder);
  sys::make_private_folder(folder);
  auto fifo = std::make_unique<sys::JobFifo>(folder + "/jobserver");
  const std::string auth = request.run.jobserver == JobserverStyle::fifo
                               ? "fifo:" + fifo->path()
                               : std::to_string(fifo->reading_for_commands()) + ',' +
                                     std::to_string(fifo->writing_for_commands());
  const std::string_view before = environment.get("MAKEFLAGS").value_or(std::string_view{});
  environment.pass_instead("MAKEFLAGS", with_jobserver(before, request.run.width.count, auth));
  environment.pass_instead(k_offered_jobserver, auth);
  return fifo;
}

std::array<int, 2> descriptors_for_commands(const RunRequest& request, const sys::JobFifo* fifo) {
  if (fifo == nullptr || request.run.jobserver != JobserverStyle::pipe) return {-1, -1};
  return {fifo->reading_for_commands(), fifo->writing_for_commands()};
}

OfferedSlots::OfferedSlots(std::unique_ptr<SlotSource> inner, sys::JobFifo& fifo,
                           const sys::AttemptTable& table, const sys::Clock& clock,
                           std::optional<Slots> width)
    : inner_(std::move(inner)),
      fifo_(fifo),
      table_(table),
      clock_(clock),
      width_(width),
      charged_until_(clock.now()) {
  both_.add(inner_->fd());
}

OfferedSlots::~OfferedSlots() {
  both_.remove(inner_->fd());
  watch_tokens(false);
}

std::uint32_t OfferedSlots::taken(std::uint32_t idle) const {
  return without(offered_, idle);
}

engine::Demand OfferedSlots::as_asked(const engine::Demand& demand, std::uint32_t idle) const {
  engine::Demand asked = demand;
  const std::uint32_t with_clients = taken(idle);
  if (for_nodes(demand) == 0) return asked;
  asked.wanted = {for_nodes(demand) + with_clients};
  if (demand.in_use.count == 0) {
    // They stand still with the nodes, and go on with the first of them.
    asked.next_need.count += with_clients;
    return asked;
  }
  asked.in_use.count += with_clients;
  const Slots most = std::max(asked.in_use, width_.value_or(inner_says_.machine));
  if (!inner_says_.holding.contended) {
    asked.wanted = most;
  } else if (idle == 0 && (with_clients > 0 || looks_ == 0)) {
    ++asked.wanted.count;  // somebody may want one more
  }
  asked.wanted = std::min(asked.wanted, most);
  return asked;
}

std::uint32_t OfferedSlots::to_offer(const engine::Demand& demand) const {
  if (demand.in_use.count == 0) return 0;
  return without(usable(inner_says_.holding), for_nodes(demand));
}

void OfferedSlots::offer(std::uint32_t tokens) {
  if (offered_ > tokens) {
    offered_ -= fifo_.take(offered_ - tokens);
  } else {
    fifo_.put(tokens - offered_);
    offered_ = tokens;
  }
}

// Makes what is thought to be out agree with what can be; how many tokens nobody has.
std::uint32_t OfferedSlots::settle_tokens() {
  const bool was_empty = table_.pids().empty();
  std::uint32_t idle = fifo_.idle();
  if (idle > offered_) idle -= fifo_.take(idle - offered_);
  // Before and after: nobody can have taken one in between.
  if (was_empty && table_.pids().empty()) offered_ = idle;
  return idle;
}

void OfferedSlots::attempts_ended() {
  if (offered_ > fifo_.idle()) static_cast<void>(settle_tokens());
}

Allowance OfferedSlots::update(const engine::Demand& demand) {
  constexpr std::uint32_t k_looks = 10;
  looks_ = (looks_ + 1) % k_looks;
  std::uint32_t idle = settle_tokens();
  const Instant now = clock_.now();
  engine::Demand asked = as_asked(demand, idle);
  // Who has no right to a slot any more must not offer it either, not for a moment.
  const std::uint32_t before = offered_;
  offer(std::min(offered_, without(asked.wanted.count, for_nodes(demand))));
  if (offered_ != before) {
    idle = fifo_.idle();
    asked = as_asked(demand, idle);
  }
  if (demand.in_use.count > 0) asked.slot_time += taken(idle) * (now - charged_until_);
  charged_until_ = now;
  inner_says_ = inner_->update(asked);
  is_new_ = false;

  const std::uint32_t tokens = to_offer(demand);
  offer(tokens);
  Allowance allowance = inner_says_;
  engine::Holding& holding = allowance.holding;
  const std::uint32_t for_them = without(usable(holding), offered_);
  holding.held = {without(holding.held.count, offered_)};
  holding.due = {without(holding.held.count, for_them)};
  // What clients have is wanted back: to be taken as soon as they give it.
  watch_tokens(offered_ > tokens);
  return allowance;
}

bool OfferedSlots::cares(const engine::Demand& demand) const {
  const std::uint32_t idle = fifo_.idle();
  if (is_new_ || inner_->cares(as_asked(demand, idle))) return true;
  if (offered_ > idle && table_.pids().empty()) return true;
  const std::uint32_t tokens = to_offer(demand);
  return tokens > offered_ || (tokens < offered_ && idle > 0);
}

bool OfferedSlots::has_news() {
  return inner_->has_news() || (watches_tokens_ && sys::is_readable(fifo_.fd()));
}

void OfferedSlots::watch_tokens(bool wanted) {
  if (wanted == watches_tokens_) return;
  if (wanted) {
    both_.add(fifo_.fd());
  } else {
    both_.remove(fifo_.fd());
  }
  watches_tokens_ = wanted;
}

}  // namespace dsched::session
