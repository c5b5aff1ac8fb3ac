#include "world/live/resolve.h"
