/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's test harness, for tests that run in emulated machines.
 *
 * The harness kills a test after 30 seconds.  That is a verdict on the
 * machine rather than on Ferry when a kernel full of checkers runs without
 * hardware virtualization, and every wait in these tests has a deadline of
 * its own that says what was waited for.  This limit is the last resort only.
 */
#ifndef FERRY_SELFTESTS_KTEST_H
#define FERRY_SELFTESTS_KTEST_H

#include "kselftest_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 900

/*
 * Whoever reads the results through a pipe wants them as they come, and in
 * order with what goes to stderr.
 */
static void __attribute__((constructor)) print_by_line(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
}

#endif /* FERRY_SELFTESTS_KTEST_H */
