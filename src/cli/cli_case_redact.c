#include "cli/cli_case.h"
int case_redact_run(struct case_request *q, int argc, char **argv) { (void)argc; (void)argv; return cli_usage(q->cmd, "not yet"); }
