/* The files of options/. Used by conversation_files.c. */
#pragma once

#include "backends/core/backend.h"

/* The files of options/ on each network; the last one has kind 0. */
extern const FileDesc socket_options_tcp[], socket_options_udp[], socket_options_unix[], socket_options_unixgram[],
	socket_options_ip[];
