// SPDX-License-Identifier: Apache-2.0
#pragma once
// The clock port: the only source of time below the session.
//
// `now` never jumps and is comparable between processes of one boot; `wall` is for showing, for
// records and for deadlines that people wrote. Each is read once per event and handed on.

#include "base/ids.h"

namespace dsched::sys {

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() const = 0;
  [[nodiscard]] virtual WallTime wall() const = 0;
};

// CLOCK_MONOTONIC and CLOCK_REALTIME.
class PosixClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override;
  [[nodiscard]] WallTime wall() const override;
};

}  // namespace dsched::sys
