#include "record/report.h"

#include <stdio.h>
#include <stdlib.h>

void report_line(cJSON *line)
{
	char *text = line ? cJSON_PrintUnformatted(line) : NULL;

	cJSON_Delete(line);
	if (!text)
		return;
	fprintf(stdout, "%s\n", text);
	fflush(stdout);
	free(text);
}

cJSON *report_new(const char *type)
{
	cJSON *line = cJSON_CreateObject();

	manifest_set_text(line, "type", type);
	return line;
}

int report_failed(const char *message)
{
	cJSON *line = report_new("failed");

	manifest_set_text(line, "message", message);
	report_line(line);
	return 1;
}

cJSON *report_stopped(const char *directory, struct manifest *m)
{
	cJSON *line = report_new("stopped");
	const cJSON *files = manifest_list(manifest_root(m), "files"), *file;
	int64_t bytes = 0;
	char path[4096];

	cJSON_ArrayForEach(file, files)
	{
		bytes += manifest_get(file, "bytes", 0);
	}
	snprintf(path, sizeof(path), "%s/manifest.json", directory);
	manifest_set_text(line, "manifest", path);
	manifest_set(line, "duration_ms",
		manifest_get(manifest_root(m), "duration_ms", 0));
	manifest_set(line, "bytes", bytes);
	manifest_set(line, "files", cJSON_GetArraySize(files));
	return line;
}
