/* The attributes of a System V queue: the fields of msqid_ds (msgctl(2)). */
#pragma once

#include "backends/common/attributes.h"

extern const AttributeSet sysv_msg_attributes;
