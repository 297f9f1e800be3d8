/* SPDX-License-Identifier: Apache-2.0 */
#include "stats.h"

#include <math.h>

void stats_add(struct stats *stats, double value) {
  if (stats->count == 0 || value < stats->min) stats->min = value;
  if (stats->count == 0 || value > stats->max) stats->max = value;
  ++stats->count;
  const double distance = value - stats->mean;
  stats->mean += distance / (double)stats->count;
  stats->squares += distance * (value - stats->mean);
}

double stats_deviation(const struct stats *stats) {
  if (stats->count < 2) return 0.0;
  return sqrt(stats->squares / (double)(stats->count - 1));
}
