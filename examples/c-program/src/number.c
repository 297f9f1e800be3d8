/* SPDX-License-Identifier: Apache-2.0 */
#include "number.h"

#include <ctype.h>
#include <stdlib.h>

bool number_read(const char *text, double *value) {
  char *end = NULL;
  *value = strtod(text, &end);
  if (end == text) return false;
  while (isspace((unsigned char)*end)) ++end;
  return *end == '\0';
}
