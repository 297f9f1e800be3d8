// SPDX-License-Identifier: Apache-2.0
#include "executor/background_reader.h"

#include "base/error.h"

namespace dsched::executor {

BackgroundReader::~BackgroundReader() {
  thread_.request_stop();
}

bool BackgroundReader::begin(const std::string& path) {
  {
    const std::lock_guard lock(mutex_);
    if (!known_.insert(path).second) return false;
    queue_.push_back(path);
  }
  changed_.notify_one();
  if (!thread_.joinable()) {
    thread_ = std::jthread([this](const std::stop_token& stop) { read_all(stop); });
  }
  return true;
}

void BackgroundReader::read_all(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !queue_.empty(); })) {
    const std::string path = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    read(path, stop);
    lock.lock();
    known_.erase(path);
    bell_.ring();
  }
}

void BackgroundReader::read(const std::string& path, const std::stop_token& stop) {
  const auto stat = files_.stat_of(path);
  if (!stat) return;
  const Nanoseconds young_for = store::settles_in(*stat, files_.wall());
  if (young_for > Nanoseconds{0}) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, young_for, [] { return false; });
  }
  try {
    (void)files_.examine(path, stop);
  } catch (const Error&) {
    // Examined again by whoever needs it, who can say so.
  }
}

}  // namespace dsched::executor
