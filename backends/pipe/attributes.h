/* The attributes of a pipe: capacity, queued, readers, writers; and status with all of them. */
#pragma once

#include "backends/common/attributes.h"

extern const AttributeSet pipe_attributes;
