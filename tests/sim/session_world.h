// SPDX-License-Identifier: Apache-2.0
#pragma once
// A simulated world in which whole sessions run: program, disk, clock, executor, and one store that
// lasts from run to run.
//
// run() starts an execution, resume() goes on with the latest, each as a process of its own would:
// it opens the store and leaves nothing in memory behind. check_quiet() is every test's last word:
// nobody met wrong bytes, every promise made to the observer was kept, and verify finds no damage.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "session/approve.h"
#include "session/prepare.h"
#include "session/resume.h"
#include "session/runner.h"
#include "session_ports.h"
#include "store/verify.h"

namespace dsched::sim {

// How one dsched-run came out.
struct Outcome {
  std::optional<wire::RunAnswer> answer;
  std::optional<ErrorKind> error;  // it gave up
  std::string message;             // of the error
  bool runner_lost = false;
  std::vector<Told::Line> told;
  std::vector<std::string> notes;
  // One line for a failing test.
  [[nodiscard]] std::string summary() const;
  [[nodiscard]] bool is_success() const { return answer && answer->success; }
  [[nodiscard]] const wire::NodeAnswer* node(std::string_view id) const;
  // The bytes of a goal; empty when the answer does not have it.
  [[nodiscard]] std::optional<std::string> result(std::string_view id) const;
};

// Two slots, and nothing stops because something failed.
[[nodiscard]] session::RunOptions patient_options();

struct Wishes {
  session::RunOptions run = patient_options();
  std::map<std::uint64_t, session::Request> requests;  // by number of wait
  std::uint64_t lose_runner_at = 0;                    // call of a port; 0: never
  // Comes by whenever the session waits.
  std::function<void(store::Store&)> visitor{};
};

// As dsched-approve does it in this store. Throws what that throws.
[[nodiscard]] std::string make_token_in(store::Store& store, const std::string& id);
[[nodiscard]] wire::ApprovalStatus answer_in(store::Store& store, wire::ApprovalAction action,
                                             const std::string& token);

class World {
 public:
  World(store::Backend backend, std::uint64_t seed) : disk(seed), backend_(backend), dice_(seed) {}

  Outcome run(const Wishes& wishes = {});
  Outcome resume(const Wishes& wishes = {});
  // resume(), or run() when nothing was recorded yet.
  Outcome go_on(const Wishes& wishes = {});

  // As dsched-approve does it, in a process of its own: a token for a gate of the latest execution,
  // and an answer with it. No status: the process did not get as far as to give one.
  [[nodiscard]] std::string make_token(const std::string& id);
  [[nodiscard]] std::optional<wire::ApprovalStatus> answer(wire::ApprovalAction action,
                                                           const std::string& token);
  // How often a gate was approved or denied, by the audit, whose chain must hold.
  [[nodiscard]] std::size_t decisions();
  // The power is cut and comes back; what was promised but not synced may be gone.
  void crash();
  // Changes one byte of every stored copy of a command's result; false when there is none.
  bool damage_result(std::string_view id);
  // The disk does all that is asked of it again.
  void heal() { disk.set_fault({}); }

  // Every goal has exactly its bytes.
  void check_results(const Outcome& outcome) const;
  // How many attempts at the node really began.
  [[nodiscard]] std::uint32_t begun(const std::string& id) const;
  // Whether a crash at the last wait would have left it completed.
  [[nodiscard]] bool is_synced(const std::string& id) const;
  [[nodiscard]] store::Verification verify();
  // What the journal says of the latest execution, in the order it was written.
  [[nodiscard]] std::vector<journal::Outcome> recorded();
  void check_quiet();

  Disk disk;
  Program program;
  std::map<std::string, std::string> files;  // of the program's folder
  AttemptHistory history;

 private:
  struct Session;
  [[nodiscard]] store::Store open();
  [[nodiscard]] session::RunRequest request(const Wishes& wishes) const;
  Outcome guarded(const Wishes& wishes, bool again);
  void run_in_store(Session& session, bool again);
  void run_recorded(Session& session, journal::Journal& journal, journal::ExecutionRecord& record,
                    bool again);
  void note_promises(const Session& session);
  void check_promises(const Outcome& outcome);
  bool damage_file(const std::string& bytes);
  bool damage_database(const std::string& bytes);

  store::Backend backend_;
  Dice dice_;
  SimClock clock_;
  Chaos chaos_;
  // Told completed, so it must not begin again; and which of them survive a crash.
  struct Promise {
    std::uint32_t begun = 0;
    bool is_synced = false;
  };
  std::map<std::string, Promise> promised_;
  std::vector<std::string> wrong_;
};

}  // namespace dsched::sim
