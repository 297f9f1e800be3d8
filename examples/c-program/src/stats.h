/* SPDX-License-Identifier: Apache-2.0 */
/* Running statistics of a column of numbers. */
#ifndef STATS_H
#define STATS_H

#include <stddef.h>

struct stats {
  size_t count;
  double min, max, mean;
  double squares; /* sum of squared distances from the mean so far (Welford) */
};

void stats_add(struct stats *stats, double value);

/* Standard deviation of the sample; 0 for fewer than two values. */
double stats_deviation(const struct stats *stats);

#endif
