/* cli_case: what the parts of `posse case` share: which case, who works on it, with what key. */
#ifndef POSSE_CLI_CLI_CASE_H
#define POSSE_CLI_CLI_CASE_H

#include "case/verify.h"
#include "cli/cli.h"

struct case_request {
    const struct cli_command *cmd;
    const char *home, *by, *subject, *id, *name, *media, *source, *seen, *what, *redacts, *key, *head, *token, *ca, *request, *to;
    bool is_json;
    char home_path[4096], folder[4300], key_path[4200], by_name[128];
    struct case_writer writer;
};
/* The folder of a case: an id under HOME/cases, or a path (with a slash). */
int case_folder(struct case_request *q, const char *which);
struct case_time case_now(void *ctx);

/* Each takes what stands after the verb. */
int case_verify_run(struct case_request *q, int argc, char **argv);
int case_export_run(struct case_request *q, int argc, char **argv);

#endif
