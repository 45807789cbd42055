// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Writing JSON to standard output.  One document is written at a time,
 * so there is one state: whether something stands before in the innermost
 * object or array.
 */
#include <stdbool.h>
#include <stdio.h>

#include "json.h"

static bool not_first;

static void put_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if ((unsigned char)*text < ' ')
			printf("\\u%04x", *text);
		else
			putchar(*text);
	}
	putchar('"');
}

static void begin(const char *name)
{
	if (not_first)
		putchar(',');
	not_first = true;
	if (!name)
		return;
	put_string(name);
	putchar(':');
}

void json_open(const char *name, char bracket)
{
	begin(name);
	putchar(bracket);
	not_first = false;
}

void json_close(char bracket)
{
	putchar(bracket);
	not_first = true;
}

void json_end(void)
{
	putchar('\n');
	not_first = false;
}

void json_text(const char *name, const char *text)
{
	begin(name);
	put_string(text);
}

void json_number(const char *name, unsigned long long value)
{
	begin(name);
	printf("%llu", value);
}

void json_real(const char *name, double value, int digits)
{
	begin(name);
	printf("%.*f", digits, value);
}
