// SPDX-License-Identifier: Apache-2.0
#include "journal/outcome.h"

#include <utility>

#include "base/error.h"
#include "journal/fields.h"

namespace dsched::journal {
namespace {

constexpr char k_segment_version = 2;
constexpr char k_segment_version_with_maps = 3;
constexpr char k_segment_version_without_waits = 1;
constexpr std::uint8_t k_usage = 1;
constexpr std::uint8_t k_key = 2;
constexpr std::uint8_t k_value = 4;
constexpr std::uint8_t k_empty = 8;
constexpr std::uint8_t k_outputs = 16;
constexpr std::uint8_t k_log = 32;
constexpr std::uint8_t k_suspended = 64;
constexpr std::uint8_t k_unread = 128;

void put_content(std::string& out, const store::Content& content) {
  put_digest(out, content.hash);
  put_varint(out, content.size);
}

void put_outputs(std::string& out, const std::vector<store::OutputEntry>& outputs) {
  put_varint(out, outputs.size());
  for (const store::OutputEntry& output : outputs) {
    put_text(out, output.path);
    out += static_cast<char>(output.kind);
    out += output.executable ? '\1' : '\0';
    put_content(out, output.content);
    put_varint(out, output.members.size());
    for (const store::Content& member : output.members) put_content(out, member);
  }
}

struct Reader : FieldReader {
  store::Content content() {
    const Digest hash = digest();
    return {hash, varint()};
  }
  std::vector<store::OutputEntry> outputs() {
    std::vector<store::OutputEntry> list;
    for (std::uint64_t count = varint(); ok && count > 0; --count) {
      store::OutputEntry& output = list.emplace_back();
      output.path = text();
      output.kind = byte();
      output.executable = byte() != 0;
      output.content = content();
      for (std::uint64_t members = varint(); ok && members > 0; --members) {
        output.members.push_back(content());
      }
    }
    return list;
  }
};

// What many commands say. Hashing nothing again for each of 100,000 outcomes takes 10 ms.
const store::Content& no_bytes() {
  static const store::Content content{sha256({}), 0};
  return content;
}

Outcome read_outcome(Reader& in, char version) {
  Outcome out;
  const std::uint8_t kind = in.byte();
  if (kind < 1 || kind > 6) in.ok = false;
  out.kind = static_cast<Outcome::Kind>(kind);
  out.node = {static_cast<std::uint32_t>(in.varint())};
  out.attempt = static_cast<std::uint32_t>(in.varint());
  if (out.kind == Outcome::Kind::withdrawn) return out;
  if (out.kind == Outcome::Kind::started) return out.at = in.time(), out;
  if (out.kind == Outcome::Kind::expanded) {
    out.at = in.time();
    out.first = {static_cast<std::uint32_t>(in.varint())};
    out.elements = static_cast<std::uint32_t>(in.varint());
    out.content = in.content();
    return out;
  }
  if (out.kind == Outcome::Kind::failed) out.failure = static_cast<FailureClass>(in.byte());
  const std::uint8_t flags = in.byte();
  out.at = in.time();
  out.took = in.time();
  if (version != k_segment_version_without_waits) out.waited = in.time();
  if (flags & k_suspended) out.suspended = in.time();
  if (flags & k_usage) {
    out.user = in.time();
    out.system = in.time();
    out.peak_memory_kib = in.varint();
  }
  if (out.kind == Outcome::Kind::failed) {
    const std::uint64_t exit_code = in.varint();
    const std::uint64_t signal = in.varint();
    if (exit_code > 0) out.exit_code = static_cast<int>(exit_code) - 1;
    if (signal > 0) out.signal = static_cast<int>(signal);
    out.error = in.text();
  } else {
    if (flags & k_key) out.key = in.digest();
    if (flags & k_value) {
      out.value = in.text();
    } else {
      out.content = flags & k_empty ? no_bytes() : in.content();
    }
    if (flags & k_outputs) out.outputs = in.outputs();
    out.is_unread = (flags & k_unread) != 0;
  }
  if (flags & k_log) out.log = in.content();
  return out;
}

}  // namespace

void SegmentWriter::append(const Outcome& outcome) {
  if (bytes_.empty()) bytes_ += k_segment_version;
  ++outcomes_;
  bytes_ += static_cast<char>(outcome.kind);
  put_varint(bytes_, outcome.node.value);
  put_varint(bytes_, outcome.attempt);
  if (outcome.kind == Outcome::Kind::withdrawn) return;
  if (outcome.kind == Outcome::Kind::started) return put_time(bytes_, outcome.at);
  if (outcome.kind == Outcome::Kind::expanded) {
    bytes_.front() = k_segment_version_with_maps;
    put_time(bytes_, outcome.at);
    put_varint(bytes_, outcome.first.value);
    put_varint(bytes_, outcome.elements);
    return put_content(bytes_, outcome.content);
  }
  const bool completed = outcome.kind != Outcome::Kind::failed;
  const bool used =
      outcome.user.count() + outcome.system.count() > 0 || outcome.peak_memory_kib > 0;
  const bool empty = completed && !outcome.value && outcome.content.size == 0;
  const int flags = (used ? k_usage : 0) | (outcome.key ? k_key : 0) |
                    (outcome.value ? k_value : 0) | (empty ? k_empty : 0) |
                    (outcome.outputs.empty() ? 0 : k_outputs) | (outcome.log ? k_log : 0) |
                    (outcome.suspended.count() > 0 ? k_suspended : 0) |
                    (completed && outcome.is_unread ? k_unread : 0);
  if (!completed) bytes_ += static_cast<char>(outcome.failure);
  bytes_ += static_cast<char>(flags);
  put_time(bytes_, outcome.at);
  put_time(bytes_, outcome.took);
  put_time(bytes_, outcome.waited);
  if (outcome.suspended.count() > 0) put_time(bytes_, outcome.suspended);
  if (used) {
    put_time(bytes_, outcome.user);
    put_time(bytes_, outcome.system);
    put_varint(bytes_, outcome.peak_memory_kib);
  }
  if (completed) {
    if (outcome.key) put_digest(bytes_, *outcome.key);
    if (outcome.value) {
      put_text(bytes_, *outcome.value);
    } else if (!empty) {
      put_content(bytes_, outcome.content);
    }
    if (!outcome.outputs.empty()) put_outputs(bytes_, outcome.outputs);
  } else {
    put_varint(bytes_, outcome.exit_code ? static_cast<std::uint64_t>(*outcome.exit_code) + 1 : 0);
    put_varint(bytes_, outcome.signal ? static_cast<std::uint64_t>(*outcome.signal) : 0);
    put_text(bytes_, outcome.error);
  }
  if (outcome.log) put_content(bytes_, *outcome.log);
}

void SegmentWriter::append_value(NodeIndex node, const ValueTimes& times, std::string_view value) {
  if (bytes_.empty()) bytes_ += k_segment_version;
  ++outcomes_;
  bytes_ += static_cast<char>(Outcome::Kind::completed);
  put_varint(bytes_, node.value);
  put_varint(bytes_, 1);
  bytes_ += static_cast<char>(k_value);
  put_time(bytes_, times.at);
  put_varint(bytes_, 0);  // took
  put_time(bytes_, times.waited);
  put_text(bytes_, value);
}

std::string SegmentWriter::take() {
  DSCHED_ASSERT(outcomes_ > 0, "an empty segment is never written");
  close_bytes(bytes_);
  outcomes_ = 0;
  return std::exchange(bytes_, {});
}

bool read_segment(std::string_view segment, const std::function<void(Outcome&&)>& visit) {
  const auto bytes = open_bytes(segment);
  if (!bytes || bytes->empty()) return false;
  const char version = bytes->front();
  if (version != k_segment_version && version != k_segment_version_with_maps &&
      version != k_segment_version_without_waits) {
    return false;
  }
  // The sum says that these are the bytes we wrote, so visiting while reading is safe.
  Reader in{{bytes->substr(1)}};
  while (!in.left.empty() && in.ok) {
    Outcome outcome = read_outcome(in, version);
    if (in.ok) visit(std::move(outcome));
  }
  return in.ok;
}

}  // namespace dsched::journal
