/* observer_priv: what the files of the observer share. */
#ifndef POSSE_SERVE_OBSERVER_PRIV_H
#define POSSE_SERVE_OBSERVER_PRIV_H

#include <pthread.h>

#include "serve/observer.h"

/* A thread that no signal is delivered to: those are the main thread's. */
int observer_start(pthread_t *thread, void *(*fn)(void *), void *ctx);

struct receiver; /* observer_feed.c: what other processes send */
int receiver_new(struct observer *o, const char *home, struct receiver **out, struct report *why);
void receiver_free(struct receiver **r);

#endif
