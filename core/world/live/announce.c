#include "world/live/announce.h"
