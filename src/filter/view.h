/* view: the names of the ways to look at a message (see feature.h), and which of them one learner takes together.
 *
 * The prior scales every view by itself (bench/ablation.md, "scaling"): one long view must not drown a short one. The
 * learners take the shape views as one lane: alone each is too weak to be worth a voice. */
#ifndef POSSE_FILTER_VIEW_H
#define POSSE_FILTER_VIEW_H

#include <stdint.h>

#define EXTRACTOR_VERSION 2

enum view {
    /* general: mean the same in anybody's mail; the prior knows only these */
    VIEW_SUBJECT, /* words of the subject */
    VIEW_WORD,    /* words of subject and visible text */
    VIEW_PAIR,    /* pairs of words, up to three apart */
    VIEW_SENDER,  /* who says to have sent it, to whom, when, with what: form and consistency */
    VIEW_FIELD,   /* which header fields stand, and in what order */
    VIEW_FORM,    /* how subject and text are written */
    VIEW_MIME,    /* parts, HTML, anomalies */
    VIEW_LINK,    /* links, by kind */
    /* local: may name hosts, lists, people; learnt from the user's own mail only */
    VIEW_HOST,    /* hosts and paths that links lead to, the sender's domain; shape that is no evidence abroad */
    VIEW_ROUTE,   /* header fields that hosts and lists add on the way, with names and values */
    VIEW_AUTHOR,  /* header fields that the sending program writes */
    VIEW_CHAR,    /* character 5-grams of subject and visible text */
    VIEW_N
};

enum { VIEW_GENERAL_N = VIEW_HOST };

/* A lane is a run of views that one learner reads as one. Pairs are for the prior only: beside the other lanes they
 * cost accuracy, as byte n-grams of the raw message did (bench/ablation.md, "lanes"). */
enum view_lane { LANE_WORD, LANE_SHAPE, LANE_ROUTE, LANE_AUTHOR, LANE_CHAR, LANE_N };

/* Lane l is the views lane_first[l] .. lane_end[l]). */
static const uint8_t lane_first[LANE_N] = {VIEW_SUBJECT, VIEW_SENDER, VIEW_ROUTE, VIEW_AUTHOR, VIEW_CHAR};
static const uint8_t lane_end[LANE_N] = {VIEW_PAIR, VIEW_ROUTE, VIEW_AUTHOR, VIEW_CHAR, VIEW_N};

#endif
