/* posse: one program, one file a subcommand. */
#include <signal.h>
#include <string.h>

#include "cli/cli.h"

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a failed write, told from the rest in cli_finish */
    if (argc < 2)
        return cli_finish(cli_error("no command was given; see 'posse help'"));
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    else if (strcmp(name, "--version") == 0)
        name = "version";
    const struct cli_command *cmd = cli_find(name);
    if (!cmd && *name == '-')
        return cli_error("options follow the command, as in: posse scan %s; see 'posse help'", name);
    if (!cmd)
        return cli_error("'%s' is not a command; see 'posse help'", name);
    return cli_finish(cmd->run(cmd, argc - 1, argv + 1));
}
