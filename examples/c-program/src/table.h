/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the statistics of columns as a table. */
#ifndef TABLE_H
#define TABLE_H

#include <stddef.h>

#include "stats.h"

#define TABLE_DIGITS 2 /* behind the decimal point */

void table_print(char *const names[], const struct stats stats[], size_t columns);

#endif
