/* SPDX-License-Identifier: Apache-2.0 */
/* Splits lines of comma-separated values. */
#ifndef CSV_H
#define CSV_H

#include <stddef.h>

#define CSV_FIELDS_MAX 64

/* Splits `line` in place and points `fields` into it; gives the number of fields, at most
 * CSV_FIELDS_MAX. A field in double quotes may hold commas, and "" for a quote. */
size_t csv_split(char *line, char *fields[CSV_FIELDS_MAX]);

#endif
