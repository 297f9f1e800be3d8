// SPDX-License-Identifier: Apache-2.0
#pragma once
// The system's side of a store, the store and its journal, opened for one command of a tool.

#include <string>

#include "cli/command.h"
#include "journal/journal.h"
#include "store/store.h"

namespace dsched::cli {

struct OpenedStore {
  OpenedStore(const Context& context, store::Mode mode, store::Trust trust)
      : store(options(context, mode, trust), world),
        journal(store.database(), mode == store::Mode::read_only ? journal::Journal::Tables::expect
                                                                 : journal::Journal::Tables::make) {
  }

  static store::Options options(const Context& context, store::Mode mode, store::Trust trust) {
    store::Options out;
    out.folder = context.store_folder();
    out.mode = mode;
    out.trust = trust;
    return out;
  }

  sys::PosixClock clock;
  sys::SystemEntropy entropy;
  sys::PosixFiles files;
  sys::PosixHost host;
  store::World world{.clock = clock, .entropy = entropy, .files = files, .host = host};
  store::Store store;
  journal::Journal journal;
};

}  // namespace dsched::cli
