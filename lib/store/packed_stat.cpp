// SPDX-License-Identifier: Apache-2.0
#include "store/packed_stat.h"

#include "base/bytes.h"

namespace dsched::store {

std::string packed_stat(const sys::FileInfo& info) {
  std::string packed;
  ByteWriter writer(packed);
  writer.u64(info.size);
  writer.i64(info.mtime_ns);
  writer.i64(info.ctime_ns);
  writer.u64(info.inode);
  return packed;
}

bool is_as_recorded(const sys::FileInfo& info, std::string_view packed) {
  return info.kind == sys::FileInfo::Kind::regular && packed_stat(info) == packed;
}

}  // namespace dsched::store
