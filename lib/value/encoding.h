// SPDX-License-Identifier: Apache-2.0
#pragma once
// The binary form of values that the store keeps: compact, self-delimiting, and equal for equal
// values, so that its digest stands for the value.
//
//   value    := tag content                  tags below; stored: never renumber
//   0x10 none      nothing
//   0x11 false     nothing
//   0x12 true      nothing
//   0x13 integer   zigzag varint             what fits 64 bits
//   0x14 positive  varint n, n bytes         magnitude, big-endian, no leading zero
//   0x15 negative  the same
//   0x16 number    8 bytes                   IEEE 754, little-endian; every NaN is 7ff8…
//   0x17 text      varint n, n bytes         UTF-8
//   0x18 bytes     varint n, n bytes
//   0x19 list      varint n, n values        what cannot be packed
//   0x1a numbers   varint n, n * 8 bytes
//   0x1b integers  varint n, width w, n * w bytes   two's complement, little-endian; w is the
//                                            least of 1, 2, 4, 8 that holds them all
//   0x1c booleans  varint n, bits            first in the lowest bit; the rest of the last byte 0
//   0x1d object    varint n, n * (varint m, m bytes of name, value)
//
// A varint has 7 bits a byte, the low ones first, the high bit on all but the last, and no needless
// byte. The high half of a tag is the version of the form.

#include <string>
#include <string_view>

#include "value/value.h"

namespace dsched::value {

// Appends the form of `value`.
void encode(std::string& out, const Value& value);

// The value whose form is all of `bytes`. Throws Error (damaged) for anything that encode() would
// not have written; takes at most a fixed multiple of the bytes' size in memory.
[[nodiscard]] Value decode(std::string_view bytes);

}  // namespace dsched::value
