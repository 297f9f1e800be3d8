/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdio.h>

void table_print(char *const names[], const struct stats stats[], size_t columns) {
  printf("%-12s %8s %10s %10s %10s %10s\n", "column", "count", "min", "max", "mean", "deviation");
  for (size_t i = 0; i < columns; ++i) {
    if (stats[i].count == 0) continue;
    printf("%-12s %8zu %10.*f %10.*f %10.*f %10.*f\n", names[i], stats[i].count, TABLE_DIGITS,
           stats[i].min, TABLE_DIGITS, stats[i].max, TABLE_DIGITS, stats[i].mean, TABLE_DIGITS,
           stats_deviation(&stats[i]));
  }
}
