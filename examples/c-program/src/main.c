/* SPDX-License-Identifier: Apache-2.0 */
/* csvstat: statistics of the columns of a CSV file (standard input) that hold numbers. The first
 * line gives the columns' names. */
#include <stdio.h>
#include <string.h>

#include "csv.h"
#include "number.h"
#include "stats.h"
#include "table.h"

#define LINE_MAX_BYTES 65536

int main(void) {
  static char line[LINE_MAX_BYTES];
  static char header[LINE_MAX_BYTES];
  char *names[CSV_FIELDS_MAX];
  char *fields[CSV_FIELDS_MAX];
  static struct stats stats[CSV_FIELDS_MAX];

  if (fgets(header, sizeof header, stdin) == NULL) {
    fputs("csvstat: the input is empty\n", stderr);
    return 1;
  }
  const size_t columns = csv_split(header, names);
  while (fgets(line, sizeof line, stdin) != NULL) {
    const size_t count = csv_split(line, fields);
    for (size_t i = 0; i < count && i < columns; ++i) {
      double value;
      if (number_read(fields[i], &value)) stats_add(&stats[i], value);
    }
  }
  table_print(names, stats, columns);
  return 0;
}
