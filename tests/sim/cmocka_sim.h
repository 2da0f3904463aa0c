/* cmocka with what it needs before it. */
#ifndef HEARTH_TESTS_SIM_CMOCKA_SIM_H
#define HEARTH_TESTS_SIM_CMOCKA_SIM_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#endif
