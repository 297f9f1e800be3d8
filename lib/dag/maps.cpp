// SPDX-License-Identifier: Apache-2.0
#include "dag/maps.h"

#include <algorithm>

#include "base/error.h"

namespace dsched::dag {

const Maps::Map* Maps::find(NodeIndex node) const {
  const auto found = std::lower_bound(maps_.begin(), maps_.end(), node,
                                      [](const Map& map, NodeIndex at) { return map.node < at; });
  return found == maps_.end() || found->node != node ? nullptr : &*found;
}

const Template& Maps::template_of(NodeIndex map) const {
  const Map* const found = find(map);
  DSCHED_ASSERT(found != nullptr, "only a map has a template");
  return templates_[found->template_index];
}

const Expansion* Maps::of(NodeIndex map) const {
  if (expansions_.empty()) return nullptr;
  const Map* const found = find(map);
  return found == nullptr || !found->expansion ? nullptr : &expansions_[*found->expansion];
}

const Expansion* Maps::with(NodeIndex node) const {
  auto behind = std::upper_bound(expansions_.begin(), expansions_.end(), node,
                                 [](NodeIndex at, const Expansion& e) { return at < e.first; });
  // Those without elements have no index of their own.
  while (behind != expansions_.begin()) {
    --behind;
    if (behind->elements > 0) return node < behind->nodes_end() ? &*behind : nullptr;
  }
  return nullptr;
}

bool Maps::is_node(NodeIndex node) const {
  const Expansion* const expansion = with(node);
  return expansion == nullptr || (expansion->is_current && !expansion->is_value(node));
}

void Maps::add(const Expansion& expansion) {
  Map* const map = const_cast<Map*>(find(expansion.map));
  DSCHED_ASSERT(map != nullptr, "only a map is expanded");
  if (map->expansion) {
    expansions_[*map->expansion].is_current = false;
    // What it made is gone with it. Maps within it were expanded later.
    for (std::size_t i = *map->expansion + 1; i < expansions_.size(); ++i) {
      const Expansion* const around = with(expansions_[i].map);
      if (around != nullptr && !around->is_current) expansions_[i].is_current = false;
    }
  }
  map->expansion = static_cast<std::uint32_t>(expansions_.size());
  expansions_.push_back(expansion);
}

}  // namespace dsched::dag
