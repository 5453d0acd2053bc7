/* fmath: exp, log and the logistic function, the same to the last bit on every machine.
 *
 * The model is a fold of lessons that several machines must agree on, and libm's last bit depends on the processor and
 * the version. These use only + - * / and the bits of a double; build without contraction to FMA and without fast-math.
 * Error: below 4 units in the last place of the result (tests/unit/test_fmath.c).
 * Odd input: exp saturates at 0 and infinity below -745 and above 709.78; log of 0 is -infinity, of a negative number
 * NaN; NaN gives NaN.
 * Threads: pure functions.  Cost: 5-8 ns. */
#ifndef POSSE_BASE_FMATH_H
#define POSSE_BASE_FMATH_H

double fmath_exp(double x);
double fmath_log(double x);
/* 1 / (1 + exp(-x)), without overflow: never below 0 or above 1. */
double fmath_sigmoid(double x);
/* log(p / (1 - p)): the inverse of fmath_sigmoid. */
double fmath_logit(double p);

#define FMATH_LN2 0.693147180559945309417232121458

#endif
