/* posse help: from the table of commands. */
#include <stdio.h>

#include "cli/cli.h"

const struct cli_command *const cli_commands[] = {
    &cli_scan,  &cli_learn,  &cli_unlearn, &cli_lessons, &cli_forget, &cli_eval,
    &cli_train, &cli_trace, &cli_observe, &cli_campaigns, &cli_campaign, &cli_botnets, &cli_botnet, &cli_case, &cli_rdap, &cli_serve, &cli_smtpd,
    &cli_history, &cli_quarantine, &cli_key, &cli_status,
    &cli_config, &cli_check, &cli_version, &cli_help, NULL,
};

static int help_run(const struct cli_command *cmd, int argc, char **argv)
{
    if (argc > 3)
        return cli_usage(cmd, "one command at a time");
    if (argc >= 2) {
        const struct cli_command *about = cli_find(argv[1]);
        if (!about)
            return cli_error("'%s' is not a command; see 'posse help'", argv[1]);
        const struct cli_command *verb = argc == 3 ? cli_find_verb(about, argv[2]) : about;
        if (!verb)
            return about->verbs ? cli_error("'%s' is no verb of %s; see 'posse help %s'", argv[2], argv[1], argv[1])
                                : cli_usage(cmd, "one command at a time");
        about = verb;
        cli_print_help(about);
        return CLI_OK;
    }
    puts("usage: posse COMMAND [OPTION]... [ARGUMENT]...\n\nPosse filters spam, and tells who sends it. Its commands are:\n");
    for (size_t i = 0; cli_commands[i]; i++)
        printf("  %-12s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    puts("\nPATH is a message, an mbox, a Maildir, a folder, or - for standard input.\n"
         "'posse help COMMAND' tells more. Exit status: 0 fine (scan: all ham), 1 scan found spam, 2 trouble.");
    return CLI_OK;
}

const struct cli_command cli_help = {
    .name = "help",
    .summary = "tell about a command",
    .synopsis = "[COMMAND [VERB]]",
    .about = "Lists the commands, or tells about one.",
    .run = help_run,
};
