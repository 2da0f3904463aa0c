#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "record/compose.h"
#include "record/finish.h"
#include "record/run.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "run", run_main },
	{ "finish", finish_main },
	{ "compose", compose_main },
};

int main(int argc, char **argv)
{
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	/* A limit of the file's size is an error of writing like others. */
	signal(SIGXFSZ, SIG_IGN);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (argc > 1 && strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	fputs("hearth-record is started by hearth. Usage:\n"
	      "  hearth-record run\n"
	      "  hearth-record finish DIRECTORY\n"
	      "  hearth-record compose DIRECTORY [--layout grid|speaker]\n",
		stderr);
	return 2;
}
