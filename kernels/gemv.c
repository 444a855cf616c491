/* One image, weights of floats. */
#include "gemv.h"

GEMV(gemv, GEMV_SIZE_FLOATS)
