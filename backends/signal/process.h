/* The processes of signal/, and the threads in PID/task/. */
#pragma once

#include "backends/common/attributes.h"

extern const DirOps signal_processes, signal_threads;
extern const AttributeSet signal_process_attributes;
extern const TextOps signal_process_status;

/* Returns a pidfd of the process or thread that the object was looked up as, or a negative errno. -ESRCH: it has ended. */
int signal_process_pidfd(const Object *object);
