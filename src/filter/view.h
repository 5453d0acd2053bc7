/* view: the names of the ways to look at a message (see feature.h). */
#ifndef POSSE_FILTER_VIEW_H
#define POSSE_FILTER_VIEW_H

#define EXTRACTOR_VERSION 1

enum view {
    VIEW_WORD,   /* general: words and word pairs of subject and visible text */
    VIEW_SHAPE,  /* general: structure, anomalies, consistency of sender, links by kind */
    VIEW_HEAD,   /* local: header fields with their names and values, hosts, addresses */
    VIEW_RAW,    /* local: byte n-grams of the message as it came */
    VIEW_CHAR,   /* local: character n-grams of the visible text */
    VIEW_N
};

#endif
