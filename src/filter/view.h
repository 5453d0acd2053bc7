/* view: the names of the ways to look at a message (see feature.h). */
#ifndef POSSE_FILTER_VIEW_H
#define POSSE_FILTER_VIEW_H

#define EXTRACTOR_VERSION 1

enum view {
    VIEW_WORD,   /* general: words of subject and visible text */
    VIEW_PAIR,   /* general: pairs of words, up to three apart */
    VIEW_SHAPE,  /* general: structure, anomalies, consistency of sender, links by kind */
    VIEW_HEAD,   /* local: header fields with their names and values, hosts, addresses */
    VIEW_RAW,    /* local: byte 4-grams of header and body as they came */
    VIEW_CHAR,   /* local: character 5-grams of the visible text */
    VIEW_N
};

static inline int view_is_general(enum view v) { return v <= VIEW_SHAPE; }

#endif
