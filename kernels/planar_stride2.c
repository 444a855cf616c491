/* The planar tile of every second pixel, where a load brings one value to all lanes: it can be anywhere, and columns need not be
 * sorted for a stride of 2. */
#include "template.h"

#ifdef PLANAR_THREES
#define PLANAR_DISTANCE 2
#define PLANAR(size)    K(planar_stride2_##size)
#include "planar.h"
#endif
