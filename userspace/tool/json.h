/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing JSON to standard output, with the commas in the right places.
 */
#ifndef FERRY_JSON_H
#define FERRY_JSON_H

/* Begin an object ('{') or array ('['); @name is NULL in an array. */
void json_open(const char *name, char bracket);
void json_close(char bracket);
/* The document is complete; there may be another one. */
void json_end(void);
void json_text(const char *name, const char *text);
void json_number(const char *name, unsigned long long value);
void json_real(const char *name, double value, int digits);

#endif /* FERRY_JSON_H */
