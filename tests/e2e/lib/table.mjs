// The grid's results as a table of Markdown: a line for each condition, a column
// for each server.

// [{ id, what, bar }] in the order of `grid`, of the rows that there are.
const conditions = (grid, rows) =>
	grid.filter(({ id }) => rows.some((row) => row.id === id));

function cell(rows, id, server) {
	const row = rows.find((r) => r.id === id && r.server === server);
	return row ? `${row.met ? "**met**" : "not met"}: ${row.measured}` : "";
}

const line = (cells) => `| ${cells.join(" | ")} |`;

// rows: { id, server, measured, met }; of one condition and server measured
// twice the last counts.
export function table(grid, rows) {
	const newest = [...rows].reverse();
	const servers = [...new Set(rows.map((row) => row.server))];
	const head = ["Q", "condition", "bar", ...servers];
	return [line(head), `|${"---|".repeat(head.length)}`,
		...conditions(grid, rows).map(({ id, what, bar }) =>
			line([id, what, bar, ...servers.map((server) =>
				cell(newest, id, server))]))].join("\n");
}

// How many of its conditions each server met, and which version of it.
export function summary(rows) {
	const servers = [...new Set(rows.map((row) => row.server))];
	return servers.map((server) => {
		const own = rows.filter((row) => row.server === server);
		const met = own.filter((row) => row.met).length;
		return `${server}: ${met} of ${own.length} met ` +
			`(${own.at(-1).version})`;
	}).join("\n");
}
