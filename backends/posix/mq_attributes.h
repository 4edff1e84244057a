/* posix/mq: the attributes of a queue. */
#pragma once

#include "backends/common/attributes.h"

/* maxmsg, msgsize, curmsgs, qsize and notify have files. */
extern const AttributeSet posix_mq_attributes;
