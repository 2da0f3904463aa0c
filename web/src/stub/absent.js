// Stands in for parts of matrix-js-sdk that the page does not use (build.mjs).
// The client constructs some of them and calls start and stop; nothing else is
// ever reached.
class Absent {
  start() {}
  stop() {}
}
const nothing = () => null;

export {
  Absent as CallEventHandler,
  Absent as GroupCall,
  Absent as GroupCallEventHandler,
  Absent as MatrixRTCSessionManager,
  Absent as MediaHandler,
  Absent as SlidingSyncSdk,
  nothing as createNewMatrixCall,
};
export const supportsMatrixCall = () => false;
export const initRustCrypto = () => Promise.reject(new Error('no crypto in this client'));
