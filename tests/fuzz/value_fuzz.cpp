// SPDX-License-Identifier: Apache-2.0
// Feeds the readers of values with anything: bytes, JSON, bodies and formats are refused with an
// Error, or read as what is written back the same.
//
//   value_fuzz -max_total_time=600 -rss_limit_mb=1024 /tmp/found tests/fuzz/value_corpus
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "base/error.h"
#include "value/body.h"
#include "value/encoding.h"
#include "value/primitives.h"
#include "value/text.h"

namespace {

using dsched::value::Value;

template <class Action>
void unless_refused(const Action& action) {
  try {
    action();
  } catch (const dsched::Error&) {
    return;
  }
}

void require(bool holds) {
  if (!holds) std::abort();
}

void read_everything(const std::string& text) {
  unless_refused([&] {
    const Value value = dsched::value::decode(text);
    std::string bytes;
    dsched::value::encode(bytes, value);
    require(bytes == text);
    static_cast<void>(dsched::value::text_of(value));
  });
  unless_refused([&] {
    const Value value = dsched::value::from_json(text);
    require(dsched::value::from_json(dsched::value::json_of(value, 1)) == value);
    static_cast<void>(dsched::value::repr_of(value));
  });
  unless_refused([&] {
    const dsched::value::Body body = dsched::value::body_from_text(text);
    const std::string written = dsched::value::text_of(body);
    require(dsched::value::text_of(dsched::value::body_from_text(written)) == written);
    const std::vector<Value> captures(body.captures, Value::number(2));
    static_cast<void>(dsched::value::map(body, Value::numbers({0, 1}), captures));
  });
  unless_refused([&] {
    const std::vector<Value> arguments{Value::text(text), Value::number(0.5), Value::integer(-7),
                                       Value::text("é")};
    static_cast<void>(dsched::value::apply("strings.format_string", "{}", arguments));
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (dsched::value::text_or_bytes(text).is(dsched::value::Kind::text)) {
    read_everything(text);
  } else {
    unless_refused([&] { static_cast<void>(dsched::value::decode(text)); });
    unless_refused([&] { static_cast<void>(dsched::value::from_json(text)); });
  }
  return 0;
}
