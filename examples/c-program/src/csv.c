/* SPDX-License-Identifier: Apache-2.0 */
#include "csv.h"

/* Copies a quoted field over itself without its quotes; gives what follows it. */
static char *unquote(char *from) {
  char *to = from;
  char *at = from + 1;
  while (*at != '\0') {
    if (*at == '"') {
      if (at[1] != '"') break;
      ++at;
    }
    *to++ = *at++;
  }
  if (*at == '"') ++at;
  char *rest = at;
  while (*rest != '\0' && *rest != ',') ++rest;
  if (*rest == ',') {
    *to = '\0';
    return rest + 1;
  }
  *to = '\0';
  return NULL;
}

size_t csv_split(char *line, char *fields[CSV_FIELDS_MAX]) {
  size_t count = 0;
  for (char *at = line; *at != '\0'; ++at) {
    if (*at == '\n' || *at == '\r') *at = '\0';
    if (*at == '\0') break;
  }
  char *at = line;
  while (at != NULL && count < CSV_FIELDS_MAX) {
    fields[count++] = at;
    if (*at == '"') {
      at = unquote(at);
      continue;
    }
    while (*at != '\0' && *at != ',') ++at;
    if (*at == '\0') break;
    *at++ = '\0';
  }
  return count;
}
