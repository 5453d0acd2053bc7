/* cli_keys: the settings of this program, each in one place: name, type, unit, default, bounds, help. */
#include "cli/cli.h"

const struct config_key cli_keys[] = {
    {"filter.ham_loss", CONFIG_FLOAT, "", "0.001", 0.000001, 0.5,
     "The cost that is accepted: at most this share of wanted mail is called spam. The score where that is so is "
     "found from the filter's own calibration."},
    {"filter.list_bits", CONFIG_FLOAT, "bits", "30", 1, 1000, "What one hit of an allow or deny rule is worth."},
    {"filter.rules", CONFIG_LIST, "", "", 0, 0, "Files of rules and lists that every verdict obeys."},
    {"limits.message_bytes", CONFIG_BYTES, "bytes", "64M", 1024, 1073741824,
     "A bigger message is not read at all and reported as an error."},
    {"scan.threads", CONFIG_INT, "", "0", 0, 1024,
     "How many threads read mail; 0 means as many as the machine lets this process run on."},
    {"store.horizon", CONFIG_TIME, "s", "365d", 3600, 3153600000.0,
     "Lessons older than this may be folded into the model for good: their features are dropped and they cannot be "
     "taken back."},
    {NULL, CONFIG_BOOL, NULL, NULL, 0, 0, NULL},
};
