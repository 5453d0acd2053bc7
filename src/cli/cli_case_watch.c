#include "cli/cli_case.h"
int case_action_run(struct case_request *q, int argc, char **argv) { (void)argc; (void)argv; return cli_usage(q->cmd, "not yet"); }
int case_watch_run(struct case_request *q, int argc, char **argv) { (void)argc; (void)argv; return cli_usage(q->cmd, "not yet"); }
int case_close_run(struct case_request *q, int argc, char **argv) { (void)argc; (void)argv; return cli_usage(q->cmd, "not yet"); }
int case_reopen_run(struct case_request *q, int argc, char **argv) { (void)argc; (void)argv; return cli_usage(q->cmd, "not yet"); }
