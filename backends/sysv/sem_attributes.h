/*
 * The attributes of a System V semaphore set and of each semaphore in it (semctl(2)).
 *
 * The three sets differ in their snapshots: that of `values` and `status` contains the values of all semaphores, that of the other
 * files of a set does not.
 */
#pragma once

#include "backends/common/attributes.h"

extern const AttributeSet sysv_sem_attributes, sysv_sem_values_attributes, sysv_sem_one_attributes;
