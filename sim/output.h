/* output: files that are written whole or end the program; a folder made where there is none. */
#ifndef SIM_OUTPUT_H
#define SIM_OUTPUT_H

#include "util.h"

struct output { int fd; char *path; struct buf b; uint64_t bytes; };
void output_open(struct output *o, const char *folder, const char *name); /* folder NULL: standard output */
void output_flush(struct output *o);
void output_close(struct output *o);      /* does nothing where it is not open (path NULL) */
static inline void output_room(struct output *o)
{
    if (o->b.n >= 1 << 20)
        output_flush(o);
}
void folder_make(const char *path);
char *path_join(const char *folder, const char *name);

#endif
