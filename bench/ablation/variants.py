"""What is taken away from Posse or changed in it: {section: [(name, [(file,
text, replacement)])]}. Each text must stand in its file exactly once, so a
variant that no longer fits the code is an error and never a silent nothing."""

LEARNER, FUSE, CALIB = "src/filter/learner.c", "src/filter/fuse.c", "src/filter/calib.c"
EXTRACT, TOKENS, VIEW = "src/filter/extract.c", "src/filter/tokens.c", "src/filter/view.h"
TRAIN, PRIOR, SHAPE = "src/filter/prior_train.c", "src/filter/prior.c", "src/filter/shape.c"


def without_lane(lane):
    """It neither speaks nor learns: cells that learn unheard would grow without bound, and slots are shared."""
    return [(LEARNER, "    if (from == to)\n        return;\n", f"    if (from == to || v == LANE_{lane})\n        return;\n"),
            (LEARNER, "        if (from == to)\n            continue;\n        struct step s",
             f"        if (from == to || v == LANE_{lane})\n            continue;\n        struct step s")]


def cap(view, old, new):
    return [(EXTRACT, f"[VIEW_{view}] = {old}", f"[VIEW_{view}] = {new}")]


RATES = [("plain", "PLAIN_RATE = 10;", "PLAIN_RATE = 5;", "PLAIN_RATE = 20;"),
         ("AdaGrad", "ADAGRAD_RATE = 0.2;", "ADAGRAD_RATE = 0.1;", "ADAGRAD_RATE = 0.4;"),
         ("AROW's r", "AROW_R = 0.3;", "AROW_R = 0.15;", "AROW_R = 0.6;"),
         ("gain of the counts", "COUNT_GAIN[2] = {1, 0.5};", "COUNT_GAIN[2] = {0.5, 0.25};", "COUNT_GAIN[2] = {2, 1};")]

ONLINE = {
    "lanes": [
        *((f"without {lane.lower()}", without_lane(lane)) for lane in ("WORD", "SHAPE", "ROUTE", "AUTHOR", "CHAR")),
        ("pairs in the word lane", [(VIEW, "lane_end[LANE_N] = {VIEW_PAIR,", "lane_end[LANE_N] = {VIEW_SENDER,")]),
    ],
    "learners": [
        ("without plain", [(LEARNER, "= plain * x;", "= 0;")]),
        ("without AdaGrad", [(LEARNER, "= adagrad * x;", "= 0;")]),
        ("without AROW", [(LEARNER, "= arow * x * AROW_GAIN;", "= 0;")]),
        ("without the first counts", [(LEARNER, "= COUNT_GAIN[set] * counts[set]", "= set * COUNT_GAIN[set] * counts[set]")]),
        ("without the second counts", [(LEARNER, "= COUNT_GAIN[set] * counts[set]",
                                        "= !set * COUNT_GAIN[set] * counts[set]")]),
        ("without any counts", [(LEARNER, "= COUNT_GAIN[set] * counts[set]", "= 0 * counts[set]")]),
        ("pseudo-counts scaled with the class", [
            (LEARNER, "    return (double)l->log_count[set][c->count[set][1]] - (double)l->log_count[set][c->count[set][0]] - base;",
             "    double s = 2 * PSEUDO[set] * fmath_sigmoid(base), h = 2 * PSEUDO[set] - s; (void)l;\n"
             "    return fmath_log(c->count[set][1] + s) - fmath_log(c->count[set][0] + h) - base;")]),
        ("every lesson counted", [(LEARNER, "COUNT_MARGIN[2] = {10, 20}", "COUNT_MARGIN[2] = {1e9, 1e9}")]),
        ("classes not balanced", [(LEARNER, "return w < CLASS_WEIGHT_MAX ? w : CLASS_WEIGHT_MAX;", "(void)w; return 1;")]),
    ],
    "rates": [
        *((f"{name} half", [(LEARNER, old, half)]) for name, old, half, _ in RATES),
        *((f"{name} twice", [(LEARNER, old, twice)]) for name, old, _, twice in RATES),
    ],
    "fusion": [
        ("half the rate", [(FUSE, "RATE = 0.03, BIAS", "RATE = 0.015, BIAS")]),
        ("twice the rate", [(FUSE, "RATE = 0.03, BIAS", "RATE = 0.06, BIAS")]),
        ("fixed weights", [(FUSE, "RATE = 0.03, BIAS", "RATE = 0, BIAS")]),
        ("clip 8", [(FUSE, "FUSE_CLIP = 12;", "FUSE_CLIP = 8;")]),
    ],
    "calibration": [
        ("trust 30", [(CALIB, "CALIB_TRUST = 600;", "CALIB_TRUST = 30;")]),
        ("trust 200", [(CALIB, "CALIB_TRUST = 600;", "CALIB_TRUST = 200;")]),
        ("trust 2000", [(CALIB, "CALIB_TRUST = 600;", "CALIB_TRUST = 2000;")]),
    ],
    "threshold": [
        (f"{hams} hams, {humble} humble", [(CALIB, "HUMBLE = 2, HAMS_LEAST = 1000;",
                                            f"HUMBLE = {humble}, HAMS_LEAST = {hams};")])
        for hams, humble in ((500, 1), (500, 2), (2000, 2))
    ],
    "caps": [
        ("characters 125", cap("CHAR", 250, 125)), ("characters 500", cap("CHAR", 250, 500)),
        ("words 200", cap("WORD", 400, 200)), ("words 800", cap("WORD", 400, 800)),
        ("route 150", cap("ROUTE", 300, 150)), ("author 100", cap("AUTHOR", 200, 100)),
        ("text of 3000 bytes", [(TOKENS, "BUDGET_BYTES = 6000,", "BUDGET_BYTES = 3000,")]),
        ("text of 12000 bytes", [(TOKENS, "BUDGET_BYTES = 6000,", "BUDGET_BYTES = 12000,")]),
    ],
}

UNSCALED = [(TRAIN, "? 1 / sqrt((double)e->n[v]) : 0;", "? 1 : 0;"),
            (TRAIN, "view_sum(t, slot, e->n[v]) / sqrt((double)e->n[v]);", "view_sum(t, slot, e->n[v]);"),
            (PRIOR, "(double)sum / sqrt((double)(to - from));", "(double)sum;")]

UNTAUGHT = {
    "scaling": [("views not scaled", UNSCALED)],
    "prior": [
        ("one fit to all sources", [(TRAIN, "if (t->n_members < 2)", "if (t->n_members < 99)")]),
        ("calibrated on senders alone", [(TRAIN, "STRANGERS = 0.1;", "STRANGERS = 0;")]),
        ("headers read without a route", [(SHAPE, "(!x->has_travelled &&", "(false && !x->has_travelled &&")]),
        ("decay a tenth", [(TRAIN, "DECAY = 1e-3,", "DECAY = 1e-4,")]),
        ("one source is enough", [(TRAIN, "OWN_MOST = 0.9;", "OWN_MOST = 2;")]),
        ("views dropped at .3", [(TRAIN, "DROP = 0.15,", "DROP = 0.3,")]),
    ],
}
