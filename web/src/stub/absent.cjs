// Stands in for parts of matrix-js-sdk that the page does not use (build.mjs).
// The client constructs some of them and calls start and stop; nothing else is
// ever reached.
class Absent {
  start() {}
  stop() {}
}
module.exports = {
  supportsMatrixCall: () => false,
  createNewMatrixCall: () => null,
  CallEventHandler: Absent,
  GroupCallEventHandler: Absent,
  GroupCall: Absent,
  MediaHandler: Absent,
  MatrixRTCSessionManager: Absent,
  SlidingSyncSdk: Absent,
  initRustCrypto: () => Promise.reject(new Error('no crypto in this client')),
};
