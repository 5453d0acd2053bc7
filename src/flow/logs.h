/* logs: the records of flow logs, in their own time, from whatever wrote them.
 *
 * Formats, told by their bytes and never by their names (but that Zeek's JSON is of open_* is in the name alone): Zeek TSV and JSON (conn, open_conn, dns, http, open_http, ssl, open_ssl, smtp; columns
 * in any order, unknown ones skipped), Argus binetflow (commas or tabs), NetFlow v5/v9 and IPFIX as files of packets, nfcapd files (through
 * nfdump where it is installed), Suricata EVE; each plain or gzip. A folder is read file by file in order of first time; a rotated log
 * goes on in its successor.
 * Half flows are made one with their other half (flow/log_pair.h) by logs_next; logs_file_next tells them as they stand.
 * Broken lines are counted and the first ones named (file, line, what was wrong), never fatal; a truncated gzip gives what it holds.
 * Ownership: a reader owns its buffers; a record lives until the next call.  Threads: one reader a thread.  Errors: negative codes for files that cannot be read at all.
 * Limits: a line of 1 MB; memory constant whatever the file.  Resuming: logs_position says where each file was left off.
 * Cost: see bench/flows; aim 1,000,000 Zeek conn lines a second a core. */
#ifndef POSSE_FLOW_LOGS_H
#define POSSE_FLOW_LOGS_H

#include "base/buf.h"
#include "base/report.h"
#include "flow/record.h"

struct logs_lost {
    uint64_t lines;   /* broken: no record came of them */
    uint64_t records; /* that a packet or a flag of the source says were there and are not */
    uint64_t others;  /* well-formed and of no use: other logs' lines, protocols that are not IP */
    uint64_t files;   /* that are no log, or end in the middle */
    uint64_t late;    /* not lost: told out of order, since they came later than the slack (logs_next only) */
    uint64_t twins;   /* not lost: connections that stood in two logs, told once (logs_next only; flow/log_twins.h) */
    char first[512];  /* the first ones: "conn.log:17: 12 columns in place of 21; ..." */
};
struct logs_file; /* one file */
enum logs_format { LOGS_UNKNOWN, LOGS_ZEEK_TSV, LOGS_ZEEK_JSON, LOGS_ARGUS, LOGS_NETFLOW, LOGS_IPFIX, LOGS_NFCAPD, LOGS_NFDUMP, LOGS_EVE };

/* "-": standard input. ESYNTAX: no log that is known; an empty file is one that may grow. */
int logs_file_open(const char *path, struct logs_file **out, struct report *why);
void logs_file_close(struct logs_file **f);
/* 1: *out is the next record; 0: the end (for a file that grows: so far); < 0: an error of the system. */
int logs_file_next(struct logs_file *f, struct flow *out, struct report *why);
enum logs_format logs_file_format(const struct logs_file *f);
void logs_file_lost(const struct logs_file *f, struct logs_lost *out);
uint64_t logs_file_bytes(const struct logs_file *f, uint64_t *of_out); /* read so far, of how many: for progress */

/* All of some paths, files and folders, merged by start time within `slack_ms` (Zeek writes a line when a connection ends). */
struct logs;
struct logs_options {
    int64_t slack_ms;  /* 0: an hour */
    size_t max_ahead;  /* records held to put them in order; 0: 1,000,000. They may take 512 bytes each, and are told early past that */
    bool follow;       /* files grow, are rotated and renamed, new ones appear; the caller says how often to look by calling */
};
int logs_open(const char *const *path, size_t n, const struct logs_options *o, struct logs **out, struct report *why);
void logs_close(struct logs **l);
/* As logs_file_next. With `follow` 0 means "nothing new yet", and what is younger than the slack waits; logs_flush tells it all the same. */
int logs_next(struct logs *l, struct flow *out, struct report *why);
void logs_flush(struct logs *l);
void logs_lost(const struct logs *l, struct logs_lost *out);
uint64_t logs_bytes(const struct logs *l, uint64_t *of_out); /* of the files, as they lie on the disk: for progress */
/* A text that says what was told so far, not only what was read: resuming at it tells each record once, also when files were renamed,
 * rotated or packed in between (they are known again by their first bytes). Call logs_resume right after logs_open.
 * But for a connection one half of which was told and the other not: that is told as a half again. */
int logs_position(const struct logs *l, struct buf *out);
int logs_resume(struct logs *l, struct span position, struct report *why); /* ESYNTAX: no position */

/* What comes over UDP too (collector_bind says where; with `follow`): its records are told among those of the files. The system keeps little of
 * what nobody takes: call logs_collect whenever the socket can be read; logs_next does so as well. It cannot be resumed. */
int logs_listen(struct logs *l, const char *where, struct report *why);
int logs_socket(const struct logs *l, unsigned *port_out); /* -1: none */
int logs_collect(struct logs *l, struct report *why);

/* NetFlow and IPFIX as they come over UDP: one packet in, its records out. */
struct collector;
int collector_new(struct collector **out, struct report *why);
void collector_free(struct collector **c);
int collector_packet(struct collector *c, const struct ip *from, struct span packet, int (*fn)(void *ctx, const struct flow *), void *ctx);
/* A socket: "127.0.0.1:2055", "[::1]:2055"; port 0 takes a free one. Anybody who can reach it can write an exporter's address: bind it where
 * exporters alone can. collector_next: as logs_file_next, of what has come so far; it never waits. */
int collector_bind(struct collector *c, const char *where, struct report *why);
int collector_fd(const struct collector *c);
unsigned collector_port(const struct collector *c);
int collector_next(struct collector *c, struct flow *out, struct report *why);
void collector_lost(const struct collector *c, struct logs_lost *out); /* packets without a template, gaps in sequence numbers */

#endif
