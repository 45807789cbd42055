/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The list of counters, for mib.h and mib.c: each makes of it what it needs.
 */
/* connections */
FERRY_MIB(ACTIVE_OPENS, "ActiveOpens"),
FERRY_MIB(PASSIVE_OPENS, "PassiveOpens"),
FERRY_MIB(SYNCOOKIES_SENT, "SyncookiesSent"),
FERRY_MIB(SYNCOOKIES_RECV, "SyncookiesRecv"),
FERRY_MIB(SYNCOOKIES_FAILED, "SyncookiesFailed"),
FERRY_MIB(ATTEMPT_FAILS, "AttemptFails"),
FERRY_MIB(ESTAB_RESETS, "EstabResets"),
FERRY_MIB(ABORT_ON_DATA, "AbortOnData"),
FERRY_MIB(ABORT_ON_CLOSE, "AbortOnClose"),
FERRY_MIB(ABORT_ON_LINGER, "AbortOnLinger"),
FERRY_MIB(ABORT_ON_TIMEOUT, "AbortOnTimeout"),
FERRY_MIB(ABORT_ON_MEMORY, "AbortOnMemory"),
FERRY_MIB(ABORT_ON_ORPHANS, "AbortOnOrphans"),
FERRY_MIB(TIME_WAIT, "TimeWait"),
FERRY_MIB(TIME_WAIT_FAILED, "TimeWaitFailed"),
FERRY_MIB(TIME_WAIT_OVERFLOW, "TimeWaitOverflow"),
FERRY_MIB(TIME_WAIT_RECYCLED, "TimeWaitRecycled"),
/* segments */
FERRY_MIB(IN_SEGS, "InSegs"),
FERRY_MIB(OUT_SEGS, "OutSegs"),
FERRY_MIB(RETRANS_SEGS, "RetransSegs"),
FERRY_MIB(OUT_RSTS, "OutRsts"),
FERRY_MIB(CHALLENGE_ACKS, "ChallengeACKs"),
FERRY_MIB(OUT_OF_WINDOW_ICMPS, "OutOfWindowIcmps"),
/* recovery */
FERRY_MIB(TIMEOUTS, "Timeouts"),
FERRY_MIB(FAST_RECOVERY, "FastRecovery"),
FERRY_MIB(LOSS_PROBES, "LossProbes"),
FERRY_MIB(REORDERING_TIMEOUTS, "ReorderingTimeouts"),
FERRY_MIB(UNDONE, "Undone"),
FERRY_MIB(SPURIOUS_TIMEOUTS, "SpuriousTimeouts"),
FERRY_MIB(DSACKS, "DSACKs"),
FERRY_MIB(SACK_RENEGING, "SACKReneging"),
FERRY_MIB(WINDOW_PROBES, "WindowProbes"),
/* what segments said */
FERRY_MIB(MALFORMED_OPTIONS, "MalformedOptions"),
FERRY_MIB(PAWS, "PAWS"),
FERRY_MIB(OUT_OF_ORDER, "OutOfOrder"),
FERRY_MIB(COLLAPSED, "Collapsed"),
