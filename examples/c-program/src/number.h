/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a number and nothing else. */
#ifndef NUMBER_H
#define NUMBER_H

#include <stdbool.h>

/* True, and the number in `value`, when the whole text (but for blanks around it) is one. */
bool number_read(const char *text, double *value);

#endif
