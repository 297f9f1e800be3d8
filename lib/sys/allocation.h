// SPDX-License-Identifier: Apache-2.0
#pragma once
// How this process keeps memory.

namespace dsched::sys {

// What is freed stays with the process, to be used again, instead of going back to the system and
// coming back page by page. For processes that are gone in milliseconds and those that need as much
// again soon. To be called before there are threads.
void keep_freed_memory();

}  // namespace dsched::sys
