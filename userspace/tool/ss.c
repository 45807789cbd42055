// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * ferry ss: Ferry's sockets and their inside, as ss(8) shows TCP's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ferry/ferry.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "filter.h"
#include "json.h"
#include "sockdiag.h"
#include "tool.h"

static const char usage[] =
	"Usage: ferry ss [OPTION]... [state STATE]... [exclude STATE]... [FILTER]\n"
	"\n"
	"Show Ferry's sockets; without -a and -l, those that are connected.\n"
	"\n"
	"  -a, --all       listeners and connections\n"
	"  -l, --listening listeners alone\n"
	"  -n, --numeric   numbers of ports, not names of services\n"
	"  -i, --info      what the transport knows: windows, times, counts\n"
	"  -m, --memory    memory of the socket\n"
	"  -o, --options   timers\n"
	"  -4, --ipv4      IPv4 alone\n"
	"  -6, --ipv6      IPv6 alone\n"
	"  -H, --no-header no line of titles\n"
	"  -j, --json      one JSON array, all that is known of each socket\n"
	"  -p, --protocol ferry|tcp|254  default: ferry; tcp is there to compare with\n"
	"  -t, --tcp       is there for the hand that is used to it\n"
	"  -h, --help      this\n"
	"\n"
	"STATE: established, syn-sent, syn-recv, fin-wait-1, fin-wait-2, time-wait,\n"
	"       closed, close-wait, last-ack, listening, closing; all, connected,\n"
	"       synchronized, bucket, big\n"
	"FILTER: dst or src ADDRESS[/LENGTH][:PORT]; dport or sport OPERATOR PORT\n"
	"       (= != < <= > >=); not, and, or, and parentheses\n";

struct view {
	bool numeric, info, memory, timers, json, header;
	int shown;
};

/* In the order of their numbers, which are TCP's. */
static const char *const state_names[] = {
	"", "ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2",
	"TIME-WAIT", "UNCONN", "CLOSE-WAIT", "LAST-ACK", "LISTEN", "CLOSING",
};

static const char *const timer_names[] = {
	"off", "on", "keepalive", "timewait", "persist",
};

static const char *const ca_states[] = {
	"open", "disorder", "cwr", "recovery", "loss",
};

static const char *name_in(const char *const *names, unsigned int n,
			   unsigned int i)
{
	return i < n ? names[i] : "?";
}

#define NAME_IN(names, i) name_in(names, ARRAY_SIZE(names), i)

static void address_text(const struct inet_diag_msg *m, const __be32 *addr,
			 char *text, size_t size)
{
	inet_ntop(m->idiag_family, addr, text, size);
}

static void port_text(const struct view *v, __be16 port, char *text,
		      size_t size)
{
	struct servent *s = NULL;

	if (!v->numeric && port)
		s = getservbyport(port, "tcp");
	if (s)
		snprintf(text, size, "%s", s->s_name);
	else if (port)
		snprintf(text, size, "%d", ntohs(port));
	else
		snprintf(text, size, "*");
}

static void show_end(const struct view *v, const struct sockdiag_sock *s,
		     const __be32 *addr, __be16 port)
{
	const struct inet_diag_msg *m = s->msg;
	char host[INET6_ADDRSTRLEN], service[64], text[160];
	static const __be32 none[4];

	address_text(m, addr, host, sizeof(host));
	port_text(v, port, service, sizeof(service));
	if (m->idiag_family == AF_INET6 && s->v6only == 0 &&
	    !memcmp(addr, none, sizeof(none)))
		snprintf(text, sizeof(text), "*:%s", service);
	else if (m->idiag_family == AF_INET6)
		snprintf(text, sizeof(text), "[%s]:%s", host, service);
	else
		snprintf(text, sizeof(text), "%s:%s", host, service);
	printf(" %25s", text);
}

static void show_timer(const struct inet_diag_msg *m)
{
	if (!m->idiag_timer)
		return;
	printf(" timer:(%s,", NAME_IN(timer_names, m->idiag_timer));
	if (m->idiag_expires >= 1000)
		printf("%.1fs", m->idiag_expires / 1e3);
	else
		printf("%ums", m->idiag_expires);
	printf(",%d)", m->idiag_retrans);
}

static void show_memory(const __u32 *m)
{
	printf("\n\t skmem:(r%u,rb%u,t%u,tb%u,f%u,w%u,o%u,bl%u,d%u)",
	       m[SK_MEMINFO_RMEM_ALLOC], m[SK_MEMINFO_RCVBUF],
	       m[SK_MEMINFO_WMEM_ALLOC], m[SK_MEMINFO_SNDBUF],
	       m[SK_MEMINFO_FWD_ALLOC], m[SK_MEMINFO_WMEM_QUEUED],
	       m[SK_MEMINFO_OPTMEM], m[SK_MEMINFO_BACKLOG],
	       m[SK_MEMINFO_DROPS]);
}

static void show_rate(const char *what, double bytes_per_s)
{
	static const char *const units[] = { "", "K", "M", "G", "T" };
	double bits = bytes_per_s * 8;
	unsigned int i = 0;

	while (bits >= 1000 && i < ARRAY_SIZE(units) - 1) {
		bits /= 1000;
		i++;
	}
	printf(" %s %.*f%sbps", what, bits < 100 && i ? 1 : 0, bits, units[i]);
}

/* A number that says nothing when it is 0. */
static void show_number(const char *what, unsigned long long value)
{
	if (value)
		printf(" %s:%llu", what, value);
}

static void show_options(const struct ferry_info *f)
{
	if (f->options & TCPI_OPT_TIMESTAMPS)
		printf(" ts");
	if (f->options & TCPI_OPT_SACK)
		printf(" sack");
	if (f->options & TCPI_OPT_ECN)
		printf(" ecn");
}

/* In ss's order and words, as far as Ferry knows it; its own at the end. */
static void show_connection(const struct ferry_info *f)
{
	if (f->options & TCPI_OPT_WSCALE)
		printf(" wscale:%d,%d", f->snd_wscale, f->rcv_wscale);
	if (f->rto)
		printf(" rto:%g", f->rto / 1e3);
	show_number("backoff", f->backoff);
	if (f->rtt)
		printf(" rtt:%g/%g", f->rtt / 1e3, f->rttvar / 1e3);
	if (f->ato)
		printf(" ato:%g", f->ato / 1e3);
	show_number("mss", f->snd_mss);
	show_number("pmtu", f->pmtu);
	show_number("rcvmss", f->rcv_mss);
	show_number("advmss", f->advmss);
	show_number("cwnd", f->snd_cwnd);
	if (f->snd_ssthresh < 0xffff)
		show_number("ssthresh", f->snd_ssthresh);
	show_number("bytes_sent", f->bytes_sent);
	show_number("bytes_retrans", f->bytes_retrans);
	show_number("bytes_acked", f->bytes_acked);
	show_number("bytes_received", f->bytes_received);
	show_number("segs_out", f->segs_out);
	show_number("segs_in", f->segs_in);
	show_number("data_segs_out", f->data_segs_out);
	show_number("data_segs_in", f->data_segs_in);
	if (f->rtt && f->snd_mss && f->snd_cwnd)
		show_rate("send", 1e6 * f->snd_cwnd * f->snd_mss / f->rtt);
	show_number("lastsnd", f->last_data_sent);
	show_number("lastrcv", f->last_data_recv);
	show_number("lastack", f->last_ack_recv);
	if (f->pacing_rate && f->pacing_rate != ~0ULL)
		show_rate("pacing_rate", f->pacing_rate);
	if (f->delivery_rate)
		show_rate("delivery_rate", f->delivery_rate);
	show_number("delivered", f->delivered);
	show_number("delivered_ce", f->delivered_ce);
	if (f->app_limited)
		printf(" app_limited");
	show_number("unacked", f->unacked);
	if (f->retrans || f->total_retrans)
		printf(" retrans:%u/%u", f->retrans, f->total_retrans);
	show_number("lost", f->lost);
	show_number("sacked", f->sacked);
	show_number("dsack_dups", f->dsack_dups);
	if (f->reordering != 3)
		show_number("reordering", f->reordering);
	show_number("rcv_rtt", f->rcv_rtt / 1000);
	show_number("rcv_space", f->rcv_space);
	show_number("rcv_ssthresh", f->rcv_ssthresh);
	show_number("notsent", f->notsent_bytes);
	if (f->min_rtt && f->min_rtt != ~0U)
		printf(" minrtt:%g", f->min_rtt / 1e3);
	show_number("rcv_ooopack", f->rcv_ooopack);
	show_number("snd_wnd", f->snd_wnd);
	show_number("rcv_wnd", f->rcv_wnd);
	printf(" ca_state:%s", NAME_IN(ca_states, f->ca_state));
	show_number("in_flight", f->in_flight);
	show_number("rcv_queued", f->rcv_queued);
}

static void show_info(const struct sockdiag_sock *s)
{
	printf("\n\t");
	if (s->msg->idiag_state == TCP_LISTEN) {
		printf(" half_open:%u/%u", s->info->half_open,
		       s->info->max_half_open);
	} else {
		show_options(s->info);
		if (s->congestion)
			printf(" %s", s->congestion);
		show_connection(s->info);
	}
}

static void show_titles(const struct view *v)
{
	if (v->header)
		printf("%-10s %6s %6s %25s %25s\n", "State", "Recv-Q",
		       "Send-Q", "Local Address:Port", "Peer Address:Port");
}

static void show_line(const struct view *v, const struct sockdiag_sock *s)
{
	const struct inet_diag_msg *m = s->msg;

	printf("%-10s %6u %6u", NAME_IN(state_names, m->idiag_state),
	       m->idiag_rqueue, m->idiag_wqueue);
	show_end(v, s, m->id.idiag_src, m->id.idiag_sport);
	show_end(v, s, m->id.idiag_dst, m->id.idiag_dport);
	if (v->timers)
		show_timer(m);
	if (v->memory && s->memory)
		show_memory(s->memory);
	if (v->info && s->info)
		show_info(s);
	putchar('\n');
}

static void json_memory(const __u32 *m)
{
	static const char *const names[] = {
		[SK_MEMINFO_RMEM_ALLOC] = "rmem_alloc",
		[SK_MEMINFO_RCVBUF] = "rcvbuf",
		[SK_MEMINFO_WMEM_ALLOC] = "wmem_alloc",
		[SK_MEMINFO_SNDBUF] = "sndbuf",
		[SK_MEMINFO_FWD_ALLOC] = "fwd_alloc",
		[SK_MEMINFO_WMEM_QUEUED] = "wmem_queued",
		[SK_MEMINFO_OPTMEM] = "optmem",
		[SK_MEMINFO_BACKLOG] = "backlog",
		[SK_MEMINFO_DROPS] = "drops",
	};
	unsigned int i;

	json_open("memory", '{');
	for (i = 0; i < ARRAY_SIZE(names); i++)
		json_number(names[i], m[i]);
	json_close('}');
}

#define FIELD(name, bytes) { #name, offsetof(struct ferry_info, name), bytes }

/* All but those that are a few bits. */
static const struct {
	const char *name;
	unsigned short at, bytes;
} fields[] = {
	FIELD(retransmits, 1),
	FIELD(probes, 1),
	FIELD(backoff, 1),
	FIELD(options, 1),
	FIELD(rto, 4),
	FIELD(ato, 4),
	FIELD(snd_mss, 4),
	FIELD(rcv_mss, 4),
	FIELD(unacked, 4),
	FIELD(sacked, 4),
	FIELD(lost, 4),
	FIELD(retrans, 4),
	FIELD(last_data_sent, 4),
	FIELD(last_data_recv, 4),
	FIELD(last_ack_recv, 4),
	FIELD(pmtu, 4),
	FIELD(rcv_ssthresh, 4),
	FIELD(rtt, 4),
	FIELD(rttvar, 4),
	FIELD(snd_ssthresh, 4),
	FIELD(snd_cwnd, 4),
	FIELD(advmss, 4),
	FIELD(reordering, 4),
	FIELD(rcv_rtt, 4),
	FIELD(rcv_space, 4),
	FIELD(total_retrans, 4),
	FIELD(pacing_rate, 8),
	FIELD(max_pacing_rate, 8),
	FIELD(bytes_acked, 8),
	FIELD(bytes_received, 8),
	FIELD(segs_out, 4),
	FIELD(segs_in, 4),
	FIELD(notsent_bytes, 4),
	FIELD(min_rtt, 4),
	FIELD(data_segs_in, 4),
	FIELD(data_segs_out, 4),
	FIELD(delivery_rate, 8),
	FIELD(busy_time, 8),
	FIELD(rwnd_limited, 8),
	FIELD(sndbuf_limited, 8),
	FIELD(delivered, 4),
	FIELD(delivered_ce, 4),
	FIELD(bytes_sent, 8),
	FIELD(bytes_retrans, 8),
	FIELD(dsack_dups, 4),
	FIELD(reord_seen, 4),
	FIELD(rcv_ooopack, 4),
	FIELD(snd_wnd, 4),
	FIELD(rcv_wnd, 4),
	FIELD(total_rto, 2),
	FIELD(half_open, 4),
	FIELD(max_half_open, 4),
	FIELD(in_flight, 4),
	FIELD(rcv_queued, 4),
};

static void json_info(const struct ferry_info *f)
{
	unsigned int i;

	json_open("info", '{');
	json_text("ca_state", NAME_IN(ca_states, f->ca_state));
	json_number("snd_wscale", f->snd_wscale);
	json_number("rcv_wscale", f->rcv_wscale);
	json_number("app_limited", f->app_limited);
	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		const void *at = (const char *)f + fields[i].at;

		switch (fields[i].bytes) {
		case 1:
			json_number(fields[i].name, *(const __u8 *)at);
			break;
		case 2:
			json_number(fields[i].name, *(const __u16 *)at);
			break;
		case 4:
			json_number(fields[i].name, *(const __u32 *)at);
			break;
		default:
			json_number(fields[i].name, *(const __u64 *)at);
		}
	}
	json_close('}');
}

static void json_sock(const struct sockdiag_sock *s)
{
	const struct inet_diag_msg *m = s->msg;
	char text[INET6_ADDRSTRLEN];

	json_open(NULL, '{');
	json_text("state", NAME_IN(state_names, m->idiag_state));
	json_number("recv_q", m->idiag_rqueue);
	json_number("send_q", m->idiag_wqueue);
	address_text(m, m->id.idiag_src, text, sizeof(text));
	json_text("local", text);
	json_number("local_port", ntohs(m->id.idiag_sport));
	address_text(m, m->id.idiag_dst, text, sizeof(text));
	json_text("peer", text);
	json_number("peer_port", ntohs(m->id.idiag_dport));
	json_text("timer", NAME_IN(timer_names, m->idiag_timer));
	json_number("timer_ms", m->idiag_expires);
	json_number("timer_retransmits", m->idiag_retrans);
	json_number("uid", m->idiag_uid);
	json_number("inode", m->idiag_inode);
	if (s->congestion)
		json_text("congestion", s->congestion);
	if (s->memory)
		json_memory(s->memory);
	if (s->info)
		json_info(s->info);
	json_close('}');
}

static void show(const struct sockdiag_sock *s, void *arg)
{
	struct view *v = arg;

	if (v->json) {
		json_sock(s);
		return;
	}
	if (!v->shown++)
		show_titles(v);
	show_line(v, s);
}

static int wrong_usage(const char *what, const char *arg)
{
	fprintf(stderr, "ferry: %s '%s'\n\n%s", what, arg, usage);
	return 2;
}

/* Take "state X" and "exclude X" off the words; *@argv is what is left. */
static const char *read_states(char ***argv, __u32 *states)
{
	__u32 asked = 0, excluded = 0, some;
	char **at = *argv;

	while (*at && (!strcmp(*at, "state") || !strcmp(*at, "exclude"))) {
		if (!at[1])
			return *at;
		some = filter_states(at[1]);
		if (!some)
			return at[1];
		if (**at == 's')
			asked |= some;
		else
			excluded |= some;
		at += 2;
	}
	*argv = at;
	if (excluded && !asked)
		asked = filter_states("all");
	if (asked)
		*states = asked & ~excluded;
	return NULL;
}

static int dump(struct sockdiag_query *q, struct view *v, bool v4, bool v6)
{
	int err = 0;

	if (v->json)
		json_open(NULL, '[');
	q->family = AF_INET;
	if (v4)
		err = sockdiag_dump(q, show, v);
	q->family = AF_INET6;
	if (v6 && !err)
		err = sockdiag_dump(q, show, v);
	if (v->json) {
		json_close(']');
		json_end();
	} else if (!v->shown && !err) {
		show_titles(v);
	}
	if (!err)
		return fflush(stdout) ? complain("write") : 0;
	if (errno == ENOENT)
		errno = EPROTONOSUPPORT;
	return complain("list of sockets");
}

int ss_main(int argc, char **argv)
{
	static const struct option list[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "listening", no_argument, NULL, 'l' },
		{ "numeric", no_argument, NULL, 'n' },
		{ "info", no_argument, NULL, 'i' },
		{ "memory", no_argument, NULL, 'm' },
		{ "options", no_argument, NULL, 'o' },
		{ "ipv4", no_argument, NULL, '4' },
		{ "ipv6", no_argument, NULL, '6' },
		{ "no-header", no_argument, NULL, 'H' },
		{ "json", no_argument, NULL, 'j' },
		{ "protocol", required_argument, NULL, 'p' },
		{ "tcp", no_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct sockdiag_query q = { .protocol = FERRY_PROTOCOL_FERRY };
	struct view v = { .header = true };
	bool v4 = false, v6 = false;
	static struct filter filter;
	const char *wrong;
	char **words;
	int c;

	/* As with ss, what is not asked for otherwise. */
	q.states = filter_states("connected") &
		   ~(filter_states("syn-recv") | filter_states("time-wait"));
	while ((c = getopt_long(argc, argv, "alnimo46Hjp:th", list, NULL)) !=
	       -1) {
		switch (c) {
		case 'a':
			q.states = filter_states("all");
			break;
		case 'l':
			q.states = filter_states("listening");
			break;
		case 'n':
			v.numeric = true;
			break;
		case 'i':
			v.info = true;
			break;
		case 'm':
			v.memory = true;
			break;
		case 'o':
			v.timers = true;
			break;
		case '4':
			v4 = true;
			break;
		case '6':
			v6 = true;
			break;
		case 'H':
			v.header = false;
			break;
		case 'j':
			v.json = true;
			break;
		case 'p':
			q.protocol = protocol_number(optarg);
			if (q.protocol < 0)
				return wrong_usage("not a protocol:", optarg);
			break;
		case 't':
			break;
		case 'h':
			return fputs(usage, stdout) < 0;
		default:
			fprintf(stderr, "\n%s", usage);
			return 2;
		}
	}
	words = argv + optind;
	wrong = read_states(&words, &q.states);
	if (wrong)
		return wrong_usage("not a state:", wrong);
	if (filter_compile(&filter, words, &wrong))
		return wrong_usage("the filter is not understood:", wrong);
	if (filter.len) {
		q.filter = filter.code;
		q.filter_len = filter.len;
	}
	if (v.info || v.json)
		q.extensions |= SOCKDIAG_WANT(INET_DIAG_INFO) |
				SOCKDIAG_WANT(INET_DIAG_CONG);
	if (v.memory || v.json)
		q.extensions |= SOCKDIAG_WANT(INET_DIAG_SKMEMINFO);
	return dump(&q, &v, v4 || !v6, v6 || !v4);
}
