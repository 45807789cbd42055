// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * ferry bridge: let Ferry sockets talk to TCP, through a device at which their
 * packets are rewritten (rewrite.c).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ferry/ferry.h>
#include <getopt.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf.h"
#include "json.h"
#include "rewrite.h"
#include "tc.h"
#include "tool.h"

#define NAME "ferry-bridge"
#define FLOWS_MAX 16384
#define PORTS_MAX 1024

static const char usage[] =
	"Usage: ferry bridge add DEVICE [--listen PORT|all]...\n"
	"       ferry bridge del DEVICE\n"
	"       ferry bridge show [DEVICE] [--flows] [--json]\n"
	"\n"
	"Let Ferry sockets of this host and TCP sockets of others talk to each\n"
	"other through DEVICE: what Ferry sends there leaves as TCP, and answers\n"
	"come back to it. All other TCP of this host stays as it is.\n"
	"\n"
	"  -l, --listen PORT   TCP connections that come in to this port go to\n"
	"                      Ferry's listener; all: whatever the port, and then\n"
	"                      this host's own TCP gets nothing from DEVICE\n"
	"  -f, --flows         show the connections, too\n"
	"  -j, --json          show an array with an object for each bridge\n"
	"  -p, --protocol N    Ferry's protocol number, 253 or 254; default: 253\n"
	"  -h, --help          this\n";

struct bridge {
	const char *device;
	int ifindex;
	int protocol;
	bool all;
	bool show_flows;
	bool json;
	__u16 listen[PORTS_MAX];
	int listens;
};

static int wrong_usage(const char *what, const char *arg)
{
	fprintf(stderr, "ferry: %s '%s'\n\n%s", what, arg, usage);
	return 2;
}

/* How long the header before the IP header is; -1 for what we do not know. */
static int link_header(const char *device)
{
	struct ifreq ifr = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -1;
	strncpy(ifr.ifr_name, device, IFNAMSIZ - 1);
	err = ioctl(fd, SIOCGIFHWADDR, &ifr);
	close(fd);
	if (err)
		return -1;
	switch (ifr.ifr_hwaddr.sa_family) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK:
		return 14;
	case ARPHRD_NONE:
	case ARPHRD_PPP:
	case ARPHRD_RAWIP:
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT:
	case ARPHRD_IPGRE:
		return 0;
	}
	errno = EOPNOTSUPP;
	return -1;
}

static int make_maps(const struct bridge *b, struct rewrite *r)
{
	__u32 one = 1, port;
	int i;

	r->flows = bpf_make_map(BPF_MAP_TYPE_LRU_HASH, BRIDGE_FLOWS,
				sizeof(struct bridge_flow), sizeof(one),
				FLOWS_MAX);
	if (r->flows < 0)
		return -1;
	r->ports = bpf_make_map(BPF_MAP_TYPE_HASH, BRIDGE_PORTS, sizeof(port),
				sizeof(one), PORTS_MAX);
	if (r->ports < 0)
		return -1;
	for (i = 0; i < b->listens; i++) {
		port = htons(b->listen[i]);
		if (bpf_map_put(r->ports, &port, &one))
			return -1;
	}
	return 0;
}

static int add(const struct bridge *b)
{
	struct rewrite r = {
		.ferry = b->protocol, .any_port = b->all,
		.link_header = link_header(b->device),
	};
	int in, out;
	__u32 id;

	if (r.link_header < 0)
		return complain("%s", b->device);
	if (!tc_find(b->ifindex, true, NAME, &id)) {
		errno = EEXIST;
		return complain("a bridge at %s", b->device);
	}
	if (make_maps(b, &r))
		return complain("make a map");
	in = rewrite_load(&r, false);
	out = in < 0 ? -1 : rewrite_load(&r, true);
	if (out < 0)
		return complain("load a program");
	if (tc_attach(b->ifindex, false, in, NAME))
		return complain("attach to %s", b->device);
	if (tc_attach(b->ifindex, true, out, NAME)) {
		int err = errno;

		tc_detach(b->ifindex, false);
		errno = err;
		return complain("attach to %s", b->device);
	}
	return 0;
}

static int del(const struct bridge *b)
{
	__u32 id;
	int way;

	for (way = 0; way < 2; way++) {
		if (tc_find(b->ifindex, way, NAME, &id))
			return complain("a bridge at %s", b->device);
		if (tc_detach(b->ifindex, way))
			return complain("detach from %s", b->device);
	}
	return 0;
}

/* @ports is their map, or -1. */
static void json_ports(int ports)
{
	__u32 port, *last = NULL;

	if (ports < 0) {
		json_text("listen", "all");
		return;
	}
	json_open("listen", '[');
	while (bpf_map_next(ports, last, &port)) {
		json_number(NULL, ntohs(port));
		last = &port;
	}
	json_close(']');
}

static void show_ports(const struct bridge *b, int program)
{
	int ports = bpf_map_of(program, BRIDGE_PORTS);
	__u32 port, *last = NULL;

	if (b->json) {
		json_ports(ports);
		close(ports);
		return;
	}
	if (ports < 0) {
		printf(", listens at all ports");
		return;
	}
	while (bpf_map_next(ports, last, &port)) {
		printf("%s%d", last ? " " : ", listens at ", ntohs(port));
		last = &port;
	}
	close(ports);
}

/* Returns its family. */
static int address_text(const __u8 *address, char *text)
{
	static const __u8 zero[12];
	int family = memcmp(address + 4, zero, sizeof(zero)) ? AF_INET6 :
							       AF_INET;

	inet_ntop(family, address, text, INET6_ADDRSTRLEN);
	return family;
}

static void show_address(const __u8 *address, __be16 port)
{
	char text[INET6_ADDRSTRLEN];
	int family = address_text(address, text);

	printf(family == AF_INET ? "  %s:%d" : "  [%s]:%d", text, ntohs(port));
}

static void json_flow(const struct bridge_flow *flow)
{
	char text[INET6_ADDRSTRLEN];

	json_open(NULL, '{');
	address_text(flow->local, text);
	json_text("local", text);
	json_number("local_port", ntohs(flow->local_port));
	address_text(flow->remote, text);
	json_text("peer", text);
	json_number("peer_port", ntohs(flow->remote_port));
	json_close('}');
}

static void json_flows(int flows, bool each)
{
	struct bridge_flow flow, *last = NULL;
	int n = 0;

	if (each)
		json_open("connections", '[');
	while (bpf_map_next(flows, last, &flow)) {
		if (each)
			json_flow(&flow);
		last = &flow;
		n++;
	}
	if (each)
		json_close(']');
	json_number("flows", n);
}

static void show_flows(const struct bridge *b, int program)
{
	int flows = bpf_map_of(program, BRIDGE_FLOWS);
	struct bridge_flow flow, *last = NULL;
	int n = 0;

	if (flows < 0)
		return;
	if (b->json) {
		json_flows(flows, b->show_flows);
		close(flows);
		return;
	}
	while (bpf_map_next(flows, last, &flow)) {
		last = &flow;
		n++;
	}
	printf(", %d flow%s\n", n, n == 1 ? "" : "s");
	last = NULL;
	while (b->show_flows && bpf_map_next(flows, last, &flow)) {
		show_address(flow.local, flow.local_port);
		show_address(flow.remote, flow.remote_port);
		putchar('\n');
		last = &flow;
	}
	close(flows);
}

/* Returns whether there is a bridge at the device. */
static bool show_one(const struct bridge *b, const char *device, int ifindex)
{
	__u32 in_id, out_id;
	int in, out;

	if (tc_find(ifindex, false, NAME, &in_id) ||
	    tc_find(ifindex, true, NAME, &out_id))
		return false;
	in = bpf_program_by_id(in_id);
	out = bpf_program_by_id(out_id);
	if (b->json)
		json_open(NULL, '{');
	if (b->json)
		json_text("device", device);
	else
		printf("%s", device);
	if (in >= 0)
		show_ports(b, in);
	if (out >= 0)
		show_flows(b, out);
	if (b->json)
		json_close('}');
	close(in);
	close(out);
	return true;
}

static int show_all(const struct bridge *b)
{
	struct if_nameindex *all = if_nameindex(), *i;

	if (!all)
		return complain("the list of devices");
	for (i = all; i->if_index; i++)
		show_one(b, i->if_name, i->if_index);
	if_freenameindex(all);
	return 0;
}

static int show(const struct bridge *b)
{
	int ret = 0;

	if (b->json)
		json_open(NULL, '[');
	if (!b->device)
		ret = show_all(b);
	else if (!show_one(b, b->device, b->ifindex))
		ret = complain("a bridge at %s", b->device);
	if (b->json) {
		json_close(']');
		json_end();
	}
	return ret;
}

static int read_port(struct bridge *b, const char *text)
{
	char *end;
	long port;

	if (!strcmp(text, "all")) {
		b->all = true;
		return 0;
	}
	port = strtol(text, &end, 10);
	if (end == text || *end || port < 1 || port > 65535 ||
	    b->listens == PORTS_MAX)
		return -1;
	b->listen[b->listens++] = port;
	return 0;
}

int bridge_main(int argc, char **argv)
{
	static const struct option list[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "flows", no_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ "protocol", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	static struct bridge b = { .protocol = FERRY_PROTOCOL_FERRY };
	const char *what;
	int c;

	while ((c = getopt_long(argc, argv, "l:fjp:h", list, NULL)) != -1) {
		switch (c) {
		case 'l':
			if (read_port(&b, optarg))
				return wrong_usage("not a port:", optarg);
			break;
		case 'f':
			b.show_flows = true;
			break;
		case 'j':
			b.json = true;
			break;
		case 'p':
			b.protocol = atoi(optarg);
			if (b.protocol != 253 && b.protocol != 254)
				return wrong_usage("not Ferry's protocol:",
						   optarg);
			break;
		case 'h':
			return fputs(usage, stdout) < 0;
		default:
			fprintf(stderr, "\n%s", usage);
			return 2;
		}
	}
	what = optind < argc ? argv[optind++] : "";
	b.device = optind < argc ? argv[optind++] : NULL;
	if (optind < argc)
		return wrong_usage("one argument too many:", argv[optind]);
	if (b.device) {
		b.ifindex = if_nametoindex(b.device);
		if (!b.ifindex)
			return complain("%s", b.device);
	}
	if (!strcmp(what, "show"))
		return show(&b);
	if (strcmp(what, "add") && strcmp(what, "del"))
		return wrong_usage("add, del or show, not", what);
	if (!b.device)
		return wrong_usage("no device to", what);
	return !strcmp(what, "add") ? add(&b) : del(&b);
}
