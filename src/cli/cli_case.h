/* cli_case: what the parts of `posse case` share: which case, who works on it, with what key. */
#ifndef POSSE_CLI_CLI_CASE_H
#define POSSE_CLI_CLI_CASE_H

#include "case/export.h"
#include "case/guard.h"
#include "case/verify.h"
#include "cli/cli.h"

/* Options of exports and notices; a form is OPT_FORM and its enum export_form. */
enum { OPT_ALLOW = 460, OPT_OUT, OPT_CONTACTS, OPT_RECEIVERS, OPT_AT, OPT_DAYS, OPT_ORG, OPT_CONTACT, OPT_RESERVED, OPT_PDF, OPT_MARKS, OPT_RECIPIENTS, OPT_FORM };
enum { CASE_ALLOW_MAX = 16 };

enum { CASE_WANTS = 64 /* options of one kind */, CASE_COMMAND = 1024 };
struct case_request {
    const struct cli_command *cmd;
    const char *home, *by, *subject, *id, *name, *media, *source, *seen, *what, *redacts, *key, *head, *token, *ca, *request, *to;
    const char *campaign[CASE_WANTS], *botnet[CASE_WANTS], *trace[CASE_WANTS], *only /* of trace: this controller or host */, *as, *svg;
    size_t n_campaigns, n_botnets, n_traces;
    int64_t since_ms, until_ms;
    uint64_t samples;            /* of each campaign */
    const char *allow[CASE_ALLOW_MAX], *at, *days, *org, *contact, *out, *contacts, *receivers, *marks;
    size_t n_allow;
    unsigned forms;              /* a bit for each enum export_form */
    bool is_json, lists_reserved, is_new_key, is_pdf, shows_recipients;
    char command[CASE_COMMAND];  /* as it was typed */
    char home_path[4096], folder[4300], key_path[4200], by_name[128];
    struct case_writer writer;
};
/* The folder of a case: an id under HOME/cases, or a path (with a slash). */
int case_folder(struct case_request *q, const char *which);
struct case_time case_now(void *ctx);

/* The verbs: each takes what stands after its name. Their options, and what is said of them, are in cli_case_verbs.c. */
int case_open_run(struct case_request *q, int argc, char **argv);
int case_add_run(struct case_request *q, int argc, char **argv);
int case_note_run(struct case_request *q, int argc, char **argv);
int case_list_run(struct case_request *q, int argc, char **argv);
int case_show_run(struct case_request *q, int argc, char **argv);
int case_read_run(struct case_request *q, int argc, char **argv);
int case_seal_run(struct case_request *q, int argc, char **argv);
int case_key_run(struct case_request *q, int argc, char **argv);
int case_stamp_run(struct case_request *q, int argc, char **argv);
int case_verify_run(struct case_request *q, int argc, char **argv);
int case_export_run(struct case_request *q, int argc, char **argv);
int case_redact_run(struct case_request *q, int argc, char **argv);
int case_action_run(struct case_request *q, int argc, char **argv);
int case_watch_run(struct case_request *q, int argc, char **argv);
int case_close_run(struct case_request *q, int argc, char **argv);
int case_reopen_run(struct case_request *q, int argc, char **argv);

/* For them: said already where the status is not CLI_OK. */
int case_open(struct case_request *q, const char *which, bool to_write, struct casefile **out);
int case_done(struct casefile **c, int status);
int case_load(const char *path, struct buf *b); /* "-": standard input */

/* From observatory and trace into a case: begin looks and writes nothing, so that what is not there is said before a case is made. */
struct case_gathering;
bool case_wants_gathering(const struct case_request *q);
int case_gather_begin(struct case_request *q, struct case_gathering **out);
int case_gather_write(struct case_gathering *g, struct casefile *c);
void case_gather_end(struct case_gathering **g);
/* The newest findings.json, NULL: none; before a batch. And a new one, with all that the old one says; within a batch. */
int case_old_findings(struct casefile *c, struct arena *a, struct findings **out, struct report *why);
int case_add_findings(struct case_request *q, struct casefile *c, struct arena *a, struct findings *f, const struct findings *old,
                      uint64_t *n_out, struct report *why);
int case_lists_run(struct case_request *q, int argc, char **argv); /* export with a form */
int case_dossier_run(struct case_request *q, int argc, char **argv);
int case_notices_run(struct case_request *q, int argc, char **argv);
int case_sent_run(struct case_request *q, int argc, char **argv);
int case_answered_run(struct case_request *q, int argc, char **argv);
int case_outcome_run(struct case_request *q, int argc, char **argv);
int case_ledger_run(struct case_request *q, int argc, char **argv);
bool case_list_option(struct case_request *q, int key, const char *arg); /* false: not one of theirs, or (said) one too many */

/* ---- what exports and notices share ---- */

struct casefile;
/* Opens it to write, and reads what the newest head stands over. Title and opening are of its first line. */
struct case_source {
    struct casefile *file;
    struct arena *arena;
    struct findings *findings;
    uint64_t exhibit;
    struct head head; /* the newest */
    struct span id, title;
    int64_t opened_ms, now_ms;
};
int case_source_open(struct case_request *q, const char *which, struct case_source *out);
/* What no list, and no notice about a page, may name. */
int case_guard_open(struct case_request *q, struct arena *a, struct guard **out, struct report *why);
int case_source_close(struct case_source *s, int status);
/* What became of each notice, as the log tells it. */
struct case_told {
    char id[24], to[300];
    char sent[CASE_TIME_TEXT]; /* when last; "": it was not, as far as was recorded */
    unsigned answers, outcomes;
    char last[300];            /* what was recorded last */
    uint64_t incidents;
};
struct case_ledger { struct case_told *told; size_t n, cap; };
int case_ledger_read(struct casefile *c, struct case_ledger *out); /* free it, whatever it says */
void case_ledger_free(struct case_ledger *l);
struct case_told *case_ledger_find(const struct case_ledger *l, struct span id);
/* A folder of files is there when all of it is there, and on disk: until then it is named `part`. Refuses one that is there already. */
int case_part_begin(const char *to, char *part, size_t n);
int case_part_end(const char *part, const char *to);
/* A new file in such a folder. */
int case_put(const char *folder, const char *name, struct span s);

#endif
