/* Where messages go: the terminal in the foreground, syslog once the program is a daemon. */
#pragma once

#include <stdbool.h>

/* Takes over GLib's and libfuse's messages. `level` is error, warning, message, info or debug; false if it is none. */
bool log_start(const char *level);

/* From now on messages go to syslog. */
void log_to_syslog(void);
