export { fromBase64, toBase64 } from "./base64";
export { Client, uniqueToken, type CallOptions, type Streamed } from "./client";
export { aborted, asServiceError, ServiceError, sessionEnded } from "./errors";
export {
  useAction,
  useAll,
  useCall,
  useClient,
  useOperation,
  useOperator,
  useRegion,
  useServerTime,
  type ActionOptions,
  type ReadOptions,
} from "./hooks";
export * as s3 from "./s3";
export type { ServerEvent } from "./sse";
