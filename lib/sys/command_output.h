// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a short command says, for questions like "which version are you".

#include <chrono>
#include <span>
#include <string>

namespace dsched::sys {

// The first bytes (at most 4,096) of the command's standard output; empty when it cannot be started
// or says nothing in time, and then it is killed. Not to be called while attempts run: see
// sys/process_tree.h.
[[nodiscard]] std::string output_of(std::span<const std::string> argv,
                                    std::span<const std::string> environment,
                                    std::chrono::milliseconds patience = std::chrono::milliseconds{
                                        2000});

}  // namespace dsched::sys
