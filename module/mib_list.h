/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The list of counters, for mib.h and mib.c: each makes of it what it needs.
 */
/* connections */
FERRY_MIB(ACTIVE_OPENS, "ActiveOpens"),
FERRY_MIB(PASSIVE_OPENS, "PassiveOpens"),
FERRY_MIB(ATTEMPT_FAILS, "AttemptFails"),
FERRY_MIB(ESTAB_RESETS, "EstabResets"),
FERRY_MIB(ABORT_ON_DATA, "AbortOnData"),
FERRY_MIB(ABORT_ON_CLOSE, "AbortOnClose"),
FERRY_MIB(ABORT_ON_LINGER, "AbortOnLinger"),
FERRY_MIB(ABORT_ON_TIMEOUT, "AbortOnTimeout"),
FERRY_MIB(ABORT_ON_MEMORY, "AbortOnMemory"),
FERRY_MIB(TIME_WAIT, "TimeWait"),
FERRY_MIB(TIME_WAIT_FAILED, "TimeWaitFailed"),
/* segments */
FERRY_MIB(IN_SEGS, "InSegs"),
FERRY_MIB(OUT_SEGS, "OutSegs"),
FERRY_MIB(RETRANS_SEGS, "RetransSegs"),
FERRY_MIB(OUT_RSTS, "OutRsts"),
FERRY_MIB(CHALLENGE_ACKS, "ChallengeACKs"),
/* recovery */
FERRY_MIB(TIMEOUTS, "Timeouts"),
FERRY_MIB(FAST_RECOVERY, "FastRecovery"),
FERRY_MIB(WINDOW_PROBES, "WindowProbes"),
/* why a segment was dropped */
FERRY_MIB(DROP_CHECKSUM, "DropChecksum"),
FERRY_MIB(DROP_HEADER, "DropHeader"),
FERRY_MIB(MALFORMED_OPTIONS, "MalformedOptions"),
FERRY_MIB(DROP_NO_SOCKET, "DropNoSocket"),
FERRY_MIB(DROP_BACKLOG, "DropBacklog"),
FERRY_MIB(DROP_FILTER, "DropFilter"),
FERRY_MIB(DROP_SEQUENCE, "DropSequence"),
FERRY_MIB(DROP_OLD_DATA, "DropOldData"),
FERRY_MIB(DROP_ZERO_WINDOW, "DropZeroWindow"),
FERRY_MIB(DROP_ACK, "DropAck"),
FERRY_MIB(DROP_FLAGS, "DropFlags"),
FERRY_MIB(DROP_MEMORY, "DropMemory"),
FERRY_MIB(DROP_LISTEN, "DropListen"),
FERRY_MIB(DROP_LISTEN_OVERFLOW, "ListenOverflows"),
FERRY_MIB(DROP_TIME_WAIT, "DropTimeWait"),
FERRY_MIB(OUT_OF_ORDER, "OutOfOrder"),
FERRY_MIB(OUT_OF_ORDER_PRUNED, "OutOfOrderPruned"),
