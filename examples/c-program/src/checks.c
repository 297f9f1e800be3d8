/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests. Each check has a name instead of a line number (as assert would use), so moving a
 * check does not change the object file. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "csv.h"
#include "number.h"
#include "stats.h"

static int failures = 0;

static void check(int holds, const char *law) {
  if (!holds) {
    printf("FAILED: %s\n", law);
    ++failures;
  }
}

static void check_csv(void) {
  char line[] = "a,\"b, \"\"c\"\"\",,d\r\n";
  char *fields[CSV_FIELDS_MAX];
  check(csv_split(line, fields) == 4, "a line has one field more than commas outside of quotes");
  check(strcmp(fields[1], "b, \"c\"") == 0, "quotes come off and doubled quotes become one");
  check(strcmp(fields[2], "") == 0, "a field may be empty");
  check(strcmp(fields[3], "d") == 0, "the end of the line is not part of the last field");
}

static void check_numbers(void) {
  double value = 0;
  check(number_read(" -1.5e2 ", &value) && value == -150, "a number may have blanks around it");
  check(!number_read("12 apples", &value), "a number followed by text is none");
  check(!number_read("", &value), "nothing is not a number");
}

static void check_stats(void) {
  struct stats stats = {0};
  const double values[] = {2, 4, 4, 4, 5, 5, 7, 9};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; ++i) stats_add(&stats, values[i]);
  check(stats.mean == 5, "the mean of the sample is exact");
  check(fabs(stats_deviation(&stats) - sqrt(32.0 / 7.0)) < 1e-12, "the deviation is the sample's");
  check(stats.min == 2 && stats.max == 9, "the extremes are those of the sample");
}

int main(void) {
  check_csv();
  check_numbers();
  check_stats();
  if (failures == 0) puts("all checks passed");
  return failures == 0 ? 0 : 1;
}
