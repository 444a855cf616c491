/* The planar tile of pixels that lie side by side. */
#define PLANAR_DISTANCE 1
#define PLANAR(size)    K(planar_##size)
#include "planar.h"
