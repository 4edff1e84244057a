/* Samples, and the lines that print their figures: see bench.h. */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

void sample(Samples *samples, double value)
{
	need(samples->n < SAMPLES_MAX, "number of samples");
	samples->values[samples->n++] = value;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median(Samples *samples)
{
	qsort(samples->values, (size_t)samples->n, sizeof samples->values[0], compare);
	return samples->values[samples->n / 2];
}

void print_figure(const char *what, Samples *samples, double scale, const char *unit)
{
	double middle = median(samples) * scale;

	printf("  %-58s %10.2f %-4s (%.2f to %.2f, %d rounds)\n", what, middle, unit, samples->values[0] * scale,
	       samples->values[samples->n - 1] * scale, samples->n);
	fflush(stdout);
}

void print_value(const char *what, double value, const char *unit)
{
	printf("  %-58s %10.2f %s\n", what, value, unit);
	fflush(stdout);
}

void print_ratio(const char *what, double ratio, double reach)
{
	printf("  %-58s %10.2f", what, ratio);
	if (reach > 0)
		printf(" times (reach: %.2f)%s\n", reach, ratio <= reach ? "" : "  MISSED");
	else
		printf(" times\n");
	fflush(stdout);
}

void print_share(const char *what, double share, double reach)
{
	printf("  %-58s %10.2f", what, share);
	if (reach > 0)
		printf(" times (reach: at least %.2f)%s\n", reach, share >= reach ? "" : "  MISSED");
	else
		printf(" times\n");
	fflush(stdout);
}

/* Prints the model name from /proc/cpuinfo. */
static void print_processor(void)
{
	char line[256];
	FILE *file = fopen("/proc/cpuinfo", "re");

	while (file && fgets(line, sizeof line, file)) {
		const char *value = strchr(line, ':');

		if (strncmp(line, "model name", strlen("model name")) || !value)
			continue;
		line[strcspn(line, "\n")] = '\0';
		printf(" %s", value + 2);
		break;
	}
	if (file)
		fclose(file);
}

void print_machine(void)
{
	struct utsname name;

	uname(&name);
	printf("%s %s, %s, %ld cores", name.sysname, name.release, name.machine, sysconf(_SC_NPROCESSORS_ONLN));
	print_processor();
	putchar('\n');
	fflush(stdout);
}

void heading(const char *text)
{
	printf("\n%s\n", text);
	fflush(stdout);
}

void need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}
