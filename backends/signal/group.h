/* The process groups in group/. */
#pragma once

#include "backends/common/attributes.h"
#include "backends/signal/sender.h"

extern const DirOps signal_groups;
extern const AttributeSet signal_group_attributes;

/* Returns a pidfd of the group's leader; 0 if the leader has ended and other members are left; or a negative errno. */
int signal_group_pidfd(const Object *group);

/* Sends a signal to the group. `pidfd` is the result of signal_group_pidfd(). Returns 0 or a negative errno, as kill(2). */
int signal_group_send(const Sender *sender, const Object *group, int pidfd, int number, int value);
