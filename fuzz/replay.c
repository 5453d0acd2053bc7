/* replay: a main for a fuzz harness that runs it on the files named, and on those in the folders named. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned ran;

static int run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    if (!f || fstat(fileno(f), &st) != 0) {
        perror(path);
        if (f)
            fclose(f);
        return 1;
    }
    size_t size = (size_t)st.st_size;
    uint8_t *bytes = malloc(size ? size : 1); /* exactly so long: a sanitizer sees the first byte past the end */
    int failed = fread(bytes, 1, size, f) != size;
    fclose(f);
    if (!failed) {
        fprintf(stderr, "%s\n", path); /* the last one printed is the one that crashed */
        LLVMFuzzerTestOneInput(bytes, size);
        ran++;
    }
    free(bytes);
    return failed;
}

static int run_folder(const char *path)
{
    struct dirent **entry;
    int n = scandir(path, &entry, NULL, alphasort), failed = n < 0;
    for (int i = 0; i < n; i++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, entry[i]->d_name);
        if (entry[i]->d_name[0] != '.')
            failed |= run_file(file);
        free(entry[i]);
    }
    if (n >= 0)
        free(entry);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        struct stat st;
        failed |= stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode) ? run_folder(argv[i]) : run_file(argv[i]);
    }
    static const uint8_t nothing[1];
    LLVMFuzzerTestOneInput(nothing, 0);
    fprintf(stderr, "%u inputs\n", ran);
    return failed || !ran;
}
