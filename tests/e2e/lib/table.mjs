// The grid's results as a table of Markdown: a line for each condition, a column
// for each server. Rows: { id, server, version, measured, met }.

// Of a condition that a server was put into twice the last row counts.
const newest = (rows) => [...new Map(rows.map((row) =>
	[`${row.server} ${row.id}`, row])).values()];

const serversOf = (rows) => [...new Set(rows.map((row) => row.server))];

const line = (cells) => `| ${cells.join(" | ")} |`;

const told = (row) =>
	row ? `${row.met ? "**met**" : "not met"}: ${row.measured}` : "";

// grid: [{ id, what, bar }], the order of the lines.
export function table(grid, all) {
	const rows = newest(all), servers = serversOf(rows);
	const head = ["Q", "condition", "bar", ...servers];
	const lines = grid.map(({ id, what, bar }) => {
		const own = rows.filter((row) => row.id === id);
		return own.length && line([id, what, bar, ...servers.map((server) =>
			told(own.find((row) => row.server === server)))]);
	});
	return [line(head), `|${"---|".repeat(head.length)}`,
		...lines.filter(Boolean)].join("\n");
}

// How many of its conditions each server met, and which version of it.
export function summary(all) {
	const rows = newest(all);
	return serversOf(rows).map((server) => {
		const own = rows.filter((row) => row.server === server);
		const met = own.filter((row) => row.met).length;
		const versions = [...new Set(own.map((row) =>
			row.version ?? "version not noted"))];
		return `${server}: ${met} of ${own.length} met ` +
			`(${versions.join("; ")})`;
	}).join("\n");
}
