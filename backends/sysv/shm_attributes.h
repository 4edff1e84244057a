/* The attributes of a System V segment: the fields of shmid_ds (shmctl(2)), `size` to resize it, `lock` for SHM_LOCK. */
#pragma once

#include "backends/common/attributes.h"

extern const AttributeSet sysv_shm_attributes;
