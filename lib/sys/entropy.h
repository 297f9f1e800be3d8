// SPDX-License-Identifier: Apache-2.0
#pragma once
// The port for random bytes: ids, secrets and jitter come from here and from nowhere else.

#include <cstdint>
#include <span>

#include "base/ids.h"
#include "base/uuid.h"

namespace dsched::sys {

class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual void fill(std::span<std::uint8_t> bytes) = 0;
};

// The kernel's generator (getrandom), good enough for secrets.
class SystemEntropy final : public Entropy {
 public:
  void fill(std::span<std::uint8_t> bytes) override;
};

[[nodiscard]] std::uint64_t random_u64(Entropy& entropy);
[[nodiscard]] double random_fraction(Entropy& entropy);  // 0 … 1
[[nodiscard]] Uuid random_uuid_v7(Entropy& entropy, WallTime now);

}  // namespace dsched::sys
