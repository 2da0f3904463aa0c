import assert from "node:assert/strict";
import test from "node:test";
import { summary, table } from "../lib/table.mjs";

const GRID = [{ id: "Q1", what: "join", bar: "soon" },
	{ id: "Q2", what: "loss", bar: "smooth" },
	{ id: "Q3", what: "more loss", bar: "still" }];
const row = (id, server, measured, met, version = "1") =>
	({ id, server, measured, met, version });

test("a line for each condition that was measured, in the grid's order", () => {
	const lines = table(GRID, [row("Q3", "hearth", "c", true),
		row("Q1", "hearth", "a", false)]).split("\n");
	assert.deepEqual(lines, ["| Q | condition | bar | hearth |",
		"|---|---|---|---|",
		"| Q1 | join | soon | not met: a |",
		"| Q3 | more loss | still | **met**: c |"]);
});

test("a column for each server; what one lacks is left empty", () => {
	const lines = table(GRID, [row("Q1", "hearth", "a", true),
		row("Q2", "hearth", "b", true), row("Q1", "janus", "c", false),
		row("Q1", "livekit", "d", true)]).split("\n");
	assert.equal(lines[0], "| Q | condition | bar | hearth | janus | livekit |");
	assert.equal(lines[2],
		"| Q1 | join | soon | **met**: a | not met: c | **met**: d |");
	assert.equal(lines[3], "| Q2 | loss | smooth | **met**: b |  |  |");
});

test("of what was measured twice the last counts", () => {
	const rows = [row("Q1", "hearth", "old", false, "1"),
		row("Q1", "hearth", "new", true, "2")];
	assert.match(table(GRID, rows), /\| \*\*met\*\*: new \|$/);
	assert.equal(summary(rows), "hearth: 1 of 1 met (2)");
});

test("the summary counts for each server", () => {
	assert.equal(summary([row("Q1", "hearth", "a", true),
		row("Q2", "hearth", "b", false),
		row("Q1", "livekit", "c", false, "1.13.5, client 2")]),
	"hearth: 1 of 2 met (1)\nlivekit: 0 of 1 met (1.13.5, client 2)");
});

test("files of before versions were noted are read as well", () => {
	assert.equal(summary([row("Q1", "hearth", "a", true, null)]),
		"hearth: 1 of 1 met (version not noted)");
});
