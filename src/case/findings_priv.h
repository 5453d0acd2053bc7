/* The shape of the findings: one table for who writes them and who reads them. */
#ifndef POSSE_CASE_FINDINGS_PRIV_H
#define POSSE_CASE_FINDINGS_PRIV_H

#include "case/findings.h"

enum shape_type {
    SHAPE_TEXT, /* struct span */
    SHAPE_TIME, /* int64_t, ms */
    SHAPE_U64,
    SHAPE_U32,
    SHAPE_REAL,
    SHAPE_BOOL,
    SHAPE_ESTIMATE, /* struct estimate */
    SHAPE_IP,       /* struct ip */
    SHAPE_PART,     /* a struct within the struct: shape `of` */
    SHAPE_OBJECT,   /* a pointer to one, or NULL */
    SHAPE_LIST,     /* a pointer to `count_at` of them */
    SHAPE_TEXTS,    /* a pointer to so many struct span */
};
struct shape;
struct shape_field {
    const char *name;
    enum shape_type type;
    uint32_t at, count_at, most;
    const struct shape *of;
};
struct shape {
    size_t bytes, n;
    const struct shape_field *field;
};

extern const struct shape findings_shape;

#endif
