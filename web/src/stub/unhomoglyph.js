// matrix-js-sdk compares display names for look-alikes; this page shows the
// names that the bot sends and never asks.
export default (text) => text;
