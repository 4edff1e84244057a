/*
 * The process of an inbox. inbox.c starts this program again as `ipcfs SIGNAL_RECEIVER UID GID`; main() then calls
 * signal_receiver_main() through backends/tree.h.
 */
#pragma once

#define SIGNAL_RECEIVER "--signal-receiver"

/*
 * Receives signals, and writes a struct signalfd_siginfo to standard output for each, until no process reads them. Returns the
 * exit status.
 */
int signal_receiver_main(int argc, char **argv);
