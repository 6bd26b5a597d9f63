// Code generated from the types of internal/operator. DO NOT EDIT.
// Run: go test ./internal/operator -run TestTypeScript -update

/** The requests, below /outcrop/, with their actions. */
export const requests = [
  { method: "GET", path: "server", operation: "GetServer", parameters: [] },
  { method: "GET", path: "catalog", operation: "GetCatalog", parameters: ["region"] },
  { method: "GET", path: "catalog/{model...}", operation: "GetCatalog", parameters: ["region"] },
  { method: "GET", path: "local-models", operation: "ListLocalModels", parameters: [] },
  { method: "GET", path: "local-models/plan", operation: "PullLocalModel", parameters: ["source", "name"] },
  { method: "GET", path: "local-models/pulls", operation: "ListLocalModels", parameters: [] },
  { method: "POST", path: "local-models/pulls", operation: "PullLocalModel", parameters: [] },
  { method: "GET", path: "local-models/pulls/{id}", operation: "ListLocalModels", parameters: [] },
  { method: "DELETE", path: "local-models/pulls/{id}", operation: "PullLocalModel", parameters: [] },
  { method: "GET", path: "local-models/{model}", operation: "ListLocalModels", parameters: [] },
  { method: "DELETE", path: "local-models/{model}", operation: "DeleteLocalModel", parameters: [] },
  { method: "POST", path: "local-models/{model}/load", operation: "LoadLocalModel", parameters: [] },
  { method: "POST", path: "local-models/{model}/unload", operation: "LoadLocalModel", parameters: [] },
  { method: "GET", path: "requests", operation: "ListRequests", parameters: ["from", "to", "model", "operation", "principal", "status", "code", "minLatencyMs", "region", "servedBy", "state", "caller", "limit", "nextToken"] },
  { method: "GET", path: "requests/live", operation: "ListRequests", parameters: ["model", "operation", "principal", "status", "code", "minLatencyMs", "region", "servedBy", "caller"] },
  { method: "GET", path: "requests/{id}", operation: "ListRequests", parameters: [] },
  { method: "GET", path: "usage", operation: "GetUsage", parameters: ["from", "to", "groupBy", "model", "principal", "operation", "region", "servedBy", "code", "tag:", "format", "limit", "nextToken"] },
  { method: "GET", path: "audit", operation: "LookupAudit", parameters: ["from", "to", "event", "principal", "source", "error", "requestId", "readOnly", "limit", "nextToken"] },
  { method: "GET", path: "model-access", operation: "GetModelAccess", parameters: ["region"] },
  { method: "GET", path: "access-requests", operation: "ListAccessRequests", parameters: ["status", "limit", "nextToken"] },
  { method: "POST", path: "access-requests/approve", operation: "DecideAccessRequest", parameters: [] },
  { method: "POST", path: "access-requests/deny", operation: "DecideAccessRequest", parameters: [] },
  { method: "GET", path: "quota-requests", operation: "ListQuotaRequests", parameters: ["status", "region", "limit", "nextToken"] },
  { method: "POST", path: "quota-requests/approve", operation: "DecideQuotaRequest", parameters: [] },
  { method: "POST", path: "quota-requests/deny", operation: "DecideQuotaRequest", parameters: [] },
  { method: "GET", path: "quota-use", operation: "GetQuotaUse", parameters: ["region", "model", "used", "limit", "nextToken"] },
  { method: "POST", path: "iam/explain", operation: "ExplainDecision", parameters: [] },
  { method: "GET", path: "iam/actions", operation: "ExplainDecision", parameters: [] },
  { method: "GET", path: "routes", operation: "ListRoutes", parameters: ["model", "region"] },
  { method: "POST", path: "reload", operation: "Reload", parameters: [] },
] as const;

/** AccessRequests are what accounts asked for and what was decided. */
export interface AccessRequests {
  /** Mode is what it takes to use a model: "auto" (nothing), "request" (an agreement) or "approval" (an agreement that somebody approves). */
  mode: string;
  /** in the order in which they were asked for */
  requests: AccessRequest[];
  nextToken: string;
}

/** AccessRequest is a request for a model in a region. */
export interface AccessRequest {
  model: string;
  region: string;
  /** "PENDING", "GRANTED" or "DENIED" */
  status: string;
  /** ARN; empty where nobody asked */
  requestedBy: string;
  requestedAt: string;
  decidedAt: string | null;
  /** of a denial */
  reason: string;
  /** it was denied, and somebody has asked again where it is pending */
  barred: boolean;
}

/** AccessDecision is the body of a decision. */
export interface AccessDecision {
  model: string;
  region: string;
  /** of a denial, for the one who asked */
  reason?: string;
}

/** AuditEvents are events of the audit trail, the newest first. */
export interface AuditEvents {
  /** Enabled: there is a trail in files. Without one there are no events here. */
  enabled: boolean;
  events: AuditEvent[];
  /** Next is the parameter nextToken for what is older; empty: there is nothing. A page may have fewer events than the limit, even none, and be followed by one. */
  nextToken: string;
}

/** AuditEvent is one event. */
export interface AuditEvent {
  id: string;
  /** to the second */
  time: string;
  name: string;
  /** "iam.amazonaws.com" */
  source: string;
  /** ARN; empty: nobody was recognized */
  principal: string;
  userType: string;
  userName: string;
  accessKeyId: string;
  region: string;
  sourceIp: string;
  userAgent: string;
  readOnly: boolean;
  /** empty: it has worked */
  errorCode: string;
  errorMessage: string;
  requestId: string;
  /** ARNs */
  resources: string[];
  /** Record is the whole event in CloudTrail's form. */
  record: unknown;
}

/** Catalog is what a region offers. */
export interface Catalog {
  region: string;
  models: CatalogModel[];
}

/** CatalogModel is a model that can be asked for. */
export interface CatalogModel {
  id: string;
  arn: string;
  name: string;
  provider: string;
  family: string;
  /** "text", "embedding", "image", "video", "speech" or "rerank" */
  kind: string;
  inputModalities: string[];
  outputModalities: string[];
  /** "ACTIVE", "LEGACY", or "EOL" while its end is ignored */
  lifecycle: string;
  endOfLife: string | null;
  /** tokens; 0: not known */
  contextWindow: number;
  /** 0: not known */
  maxOutputTokens: number;
  /** of the body of InvokeModel; empty: it has none */
  nativeFormat: string;
  streaming: boolean;
  inferenceTypes: string[];
  customizations: string[];
  /** IDs of those that the region has */
  inferenceProfiles: string[];
  /** that offer it */
  regions: string[];
  /** null: nobody here can answer */
  servedBy: ServedBy | null;
  /** why nobody can; empty: somebody does */
  unserved: string;
  prices: Price[];
  /** ProfilePrices are those of calls by an inference profile, by its ID, where they differ: geographies may cost more, and the operator may have set others. */
  profilePrices: Record<string, Price[]>;
}

/** ServedBy is who answers for a model. */
export interface ServedBy {
  backend: string;
  /** the backend's name of it */
  model: string;
  standIn: boolean;
  /** by the engine inside */
  local: boolean;
  /** it would be asked now */
  available: boolean;
  /** it is not available; empty when it is */
  why: string;
  /** how many more may answer */
  others: number;
}

/** Price is one price of a model. */
export interface Price {
  /** "input", "output", "cacheRead", "cacheWrite", … */
  what: string;
  /** USD is a decimal number of dollars. */
  usd: string;
  /** "1M tokens", "query", "image", "second" */
  unit: string;
  /** Above is the number of input tokens from which it holds; 0: always. */
  aboveTokens: number;
  /** set in the configuration */
  own: boolean;
}

/** CatalogDetail is everything that is known of a model. */
export interface CatalogDetail extends CatalogModel {
  supports: Supports;
  /** the default first */
  embeddingDimensions: number[];
  provisionedIds: string[];
  mantleModelId: string;
  profiles: CatalogProfile[];
  /** 0: not known */
  promptCacheMinTokens: number;
  /** quota tokens for one output token */
  outputBurndown: number;
  /** the pattern that leads to who answers; empty: the defaults hold */
  route: string;
  /** all who may answer, in the order in which they are asked */
  candidates: Candidate[];
  /** what makes the next one be asked */
  fallback: string[];
}

/** Supports are the features that a model is known to have; null: not known. */
export interface Supports {
  system: boolean | null;
  tools: boolean;
  toolStreaming: boolean | null;
  vision: boolean;
  documents: boolean | null;
  reasoning: boolean;
  promptCaching: boolean;
  structuredOutput: boolean;
  guardrails: boolean;
}

/** CatalogProfile is a system-defined inference profile. */
export interface CatalogProfile {
  id: string;
  arn: string;
  name: string;
  /** where requests may go */
  regions: string[];
}

/** Candidate is one who may answer. */
export interface Candidate {
  /** "backend/model" */
  model: string;
  tier: number;
  /** of the requests that come to its tier, between 0 and 1 */
  share: number;
  /** it would be asked now */
  available: boolean;
  breaker: string;
  lastError: string;
}

/** ExplainRequest asks whether somebody may do something. */
export interface ExplainRequest {
  /** ARN, or user/NAME, role/NAME, root */
  principal: string;
  /** Action is one of IAM's ("bedrock:InvokeModel") or an operation ("Converse"), which stands for every permission that it needs. */
  action: string;
  /** ARN, or the name that the operation takes; empty: "*" */
  resource?: string;
  /** of the request; empty: that of this one */
  region?: string;
  /** condition keys of the request */
  context?: Record<string, string[]>;
}

/** Explained is the answer. */
export interface Explained {
  /** ARN */
  principal: string;
  /** all of them */
  allowed: boolean;
  /** one for each permission that is needed; none: the operation needs no permission */
  decisions: Decision[];
}

/** Decision is about one permission. */
export interface Decision {
  action: string;
  resource: string;
  allowed: boolean;
  /** Explicit: a statement denies it; otherwise no statement allows it. */
  explicitDeny: boolean;
  /** that denied, such as "identity-based policy"; empty where it is allowed */
  layer: string;
  /** that denied explicitly */
  policy: string;
  /** that the caller would read; empty where it is allowed */
  message: string;
  /** every statement that is about the request */
  matches: Match[];
  /** Missing are condition keys that policies ask for and the request does not have. */
  missingContextKeys: string[];
  /** Unasked: the account's root may do everything, and no policy was asked. */
  unasked: boolean;
}

/** Match is a statement that is about a request. */
export interface Match {
  layer: string;
  /** ARN of a managed policy, or name of an inline one */
  policy: string;
  type: string;
  /** ARN of the user, group or role that has the policy */
  owner: string;
  statement: number;
  sid: string;
  /** "Allow" or "Deny" */
  effect: string;
  /** it made the decision */
  decisive: boolean;
  text: string;
}

/** Actions are the operations with what they need. */
export interface Actions {
  operations: Operation[];
  /** Actions are all that requests can need, sorted. */
  actions: string[];
}

/** Operation is an operation with what it needs. */
export interface Operation {
  service: string;
  name: string;
  /** none: it needs no permission */
  needs: Need[];
}

/** Need is one permission of an operation. */
export interface Need {
  action: string;
  /** the end of the ARN, with the members of the input in braces; "*": nothing in particular */
  resource: string;
  /** only then; empty: always */
  when: string;
}

/** LiveBatch is the data of an event "requests" of GET /outcrop/requests/live. */
export interface LiveBatch {
  /** that have ended since the last batch, in the order in which they ended */
  requests: RequestSummary[];
  /** how many more there were */
  dropped: number;
  /** how many are under way */
  running: number;
}

/** LoadedModel is a model that the engine inside was asked for. */
export interface LoadedModel {
  name: string;
  /** see LocalModel */
  state: string;
  /** that it takes */
  memoryBytes: number;
  /** tokens of one request; 0: it is not loaded */
  context: number;
  /** requests that use it now */
  users: number;
  loadedAt: string | null;
  /** when the last request left */
  usedAt: string | null;
  /** it could not be loaded */
  why: string;
  /** TokensPerSecond is of the answers that are remembered; null: not known. */
  tokensPerSecond: number | null;
}

/** LocalModels are the models of this machine. */
export interface LocalModels {
  models: LocalModel[];
  memory: Memory;
  /** of the models directory; null: not known */
  diskFreeBytes: number | null;
  /** nothing can be pulled */
  offline: boolean;
  /** those that run, and the last ones that are over */
  pulls: Pull[];
  /** what can be pulled */
  sources: PullSource[];
  directory: string;
}

/** LocalModel is a model that the engine inside can run. */
export interface LocalModel {
  name: string;
  file: string;
  sizeBytes: number;
  sha256: string;
  parameters: number;
  quantization: string;
  architecture: string;
  /** tokens; 0: not known */
  contextLength: number;
  /** 0: not known */
  embeddingLength: number;
  chatTemplate: boolean;
  license: string;
  source: string;
  /** comes with the server */
  builtIn: boolean;
  /** its files are there and whole */
  installed: boolean;
  /** it cannot be used */
  problem: string;
  addedAt: string | null;
  /** the routes and defaults that lead to it */
  usedFor: string[];
  /** State is "absent", "unloaded", "loading", "loaded", "unloading" (waits for the requests that use it) or "failed" (the last try to load it failed). */
  state: string;
  /** it could not be loaded */
  why: string;
  memoryBytes: number;
  /** requests that use it now */
  users: number;
  loadedAt: string | null;
  /** of the answers that are remembered; null: not known */
  tokensPerSecond: number | null;
  fit: Fit;
}

/** Fit says whether a model fits into memory now. */
export interface Fit {
  /** weights and cache; 0: not known */
  needBytes: number;
  /** FreeBytes is what there is for it: what is free, and what models take that nobody uses. Null: not known. */
  freeBytes: number | null;
  fits: boolean;
  /** it does not fit */
  why: string;
}

/** PullSource is a form of what can be pulled. */
export interface PullSource {
  form: string;
  example: string;
  what: string;
}

/** PullPlan is what a pull would add. */
export interface PullPlan {
  name: string;
  source: string;
  /** 0: the source does not tell */
  sizeBytes: number;
  license: string;
  /** it is there already */
  here: boolean;
  fit: Fit;
  /** null: not known */
  diskFreeBytes: number | null;
}

/** Removed names what is gone. */
export interface Removed {
  name: string;
}

/** ModelAccess is which models the caller's account may use in a region, and what is missing for the others. GetFoundationModelAvailability says so of one model. */
export interface ModelAccess {
  region: string;
  /** Mode is what it takes to use a model: "auto" (nothing), "request" (an agreement) or "approval" (an agreement that somebody approves). */
  mode: string;
  /** UseCase says that the account has submitted the use-case form. */
  useCaseSubmitted: boolean;
  models: ModelAccessState[];
}

/** ModelAccessState is whether one model may be used. */
export interface ModelAccessState {
  id: string;
  name: string;
  provider: string;
  lifecycle: string;
  /** Status is "AVAILABLE", "PENDING", "NOT_AVAILABLE" (nobody has asked) or "DENIED". */
  status: string;
  /** its provider wants to know first what it is used for */
  needsUseCase: boolean;
  /** ARN; empty where nobody asked */
  requestedBy: string;
  requestedAt: string | null;
  decidedAt: string | null;
  /** of a denial */
  reason: string;
  /** it was denied, and stays so until an administrator approves, also where somebody has asked again */
  barred: boolean;
  /** null: nobody here can answer */
  servedBy: ServedBy | null;
  /** why nobody can; empty: somebody does */
  unserved: string;
}

/** ErrorAnswer is the body of an answer that is none. */
export interface ErrorAnswer {
  code: string;
  message: string;
  requestId: string;
}

/** Pull is a download of a model. What has arrived of one that failed or was cancelled is kept: the same source, pulled again, goes on from there. */
export interface Pull {
  id: string;
  source: string;
  /** of the model; empty while it is not known */
  name: string;
  /** "running", "done", "failed" or "cancelled" */
  state: string;
  /** that have arrived */
  bytes: number;
  totalBytes: number;
  bytesPerSecond: number;
  /** what is being done, in words */
  step: string;
  /** the last thing that was worth telling */
  note: string;
  startedAt: string;
  endedAt: string | null;
  /** null: none */
  error: ErrorAnswer | null;
}

/** PullRequest asks for a model. */
export interface PullRequest {
  source: string;
  /** local name; empty: made of the source */
  name: string;
}

/** Pulls are the downloads, the newest first. */
export interface Pulls {
  pulls: Pull[];
}

/** QuotaRequests are the requests for more. */
export interface QuotaRequests {
  /** the newest first */
  requests: QuotaRequest[];
  nextToken: string;
}

/** QuotaRequest is a request for more. */
export interface QuotaRequest {
  id: string;
  /** "PENDING", "CASE_OPENED" (waits too), "APPROVED" or "DENIED" */
  status: string;
  account: string;
  region: string;
  quotaCode: string;
  quotaName: string;
  desiredValue: number;
  /** ARN */
  requestedBy: string;
  createdAt: string;
  updatedAt: string;
}

/** QuotaDecision is the body of a decision. */
export interface QuotaDecision {
  id: string;
}

/** QuotaUses are the quotas of the caller's account in a region, with what is used of them now. */
export interface QuotaUses {
  account: string;
  region: string;
  time: string;
  quotas: QuotaUse[];
  nextToken: string;
}

/** QuotaUse is one quota. */
export interface QuotaUse {
  quotaCode: string;
  quotaName: string;
  model: string;
  /** "on-demand", "cross-region" or "global" */
  class: string;
  /** "requests-per-minute", "tokens-per-minute", "tokens-per-day" or "concurrency" */
  metric: string;
  /** null: unlimited */
  value: number | null;
  default: number | null;
  /** Adjustable: more can be asked for. */
  adjustable: boolean;
  /** Used counts as the quota does: what is used of a minute comes back bit by bit. Null: it is unlimited, and nobody counts. */
  used: number | null;
}

/** RequestSummary is one request to a service. */
export interface RequestSummary {
  id: string;
  time: string;
  /** "running", "done", or "interrupted" where a server ended before it knew what became of it */
  state: string;
  service: string;
  operation: string;
  region: string;
  /** ARN */
  principal: string;
  accessKeyId: string;
  /** empty: not known any more */
  sourceIp: string;
  /** empty: not known any more */
  userAgent: string;
  /** the identifier that was asked for; empty for operations without a model */
  model: string;
  /** base model ID */
  modelId: string;
  servedBy: string;
  backend: string;
  standIn: boolean;
  /** HTTP; 0: not known yet */
  status: number;
  /** of the error; empty on success */
  code: string;
  /** that the client was told of the error; empty: not known any more */
  message: string;
  latencyMs: number;
  /** 0: there was none */
  firstTokenMs: number;
  tokens: Tokens;
  costUsd: string;
  /** a price was known, or nothing was used */
  priced: boolean;
}

/** Requests is a page of requests. */
export interface Requests {
  requests: RequestSummary[];
  /** Next is the parameter nextToken for the next page; empty: there is none. */
  nextToken: string;
  /** Since says that calls without a model are only known since then: the last ones are kept in memory. Of those in which nobody was recognized there are fewer. */
  othersSince: string;
}

/** RequestDetail is everything that is known of a request. */
export interface RequestDetail extends RequestSummary {
  /** ARN of what it worked on */
  resource: string;
  /** its way, in order */
  steps: Step[];
  costs: Costs;
  /** cost tags */
  tags: Record<string, string>;
  /** what the request said about itself */
  metadata: Record<string, string>;
  /** Remembered: the whole way is known. Of older requests there is what the bill has. */
  remembered: boolean;
  /** null: what models are asked is not logged */
  invocationLog: InvocationLog | null;
}

/** Step is something that happened to a request. */
export interface Step {
  /** Name is "received", "authenticated", "decided", "admitted", "tried", "answered" (a backend has begun to), "firstToken", "settled" (what it used is in the bill) or "done". */
  name: string;
  time: string;
  /** since the request was received */
  ms: number;
  /** often empty */
  detail: string;
}

/** Costs are decimal numbers of dollars. */
export interface Costs {
  input: string;
  output: string;
  cacheRead: string;
  cacheWrite: string;
  query: string;
}

/** InvocationLog is where the log of what models were asked is. */
export interface InvocationLog {
  /** empty: none */
  bucket: string;
  /** of the objects of that hour */
  prefix: string;
  directory: string;
}

/** About is what a server is, which does not change while it runs. */
export interface About {
  version: string;
  account: string;
  /** of requests that name none */
  region: string;
  /** "on" or "off" */
  auth: string;
  offline: boolean;
  /** rules answer for every model */
  script: boolean;
  dataDirectory: string;
  modelsDirectory: string;
  started: string;
}

/** Server is how a server does. */
export interface Server extends About {
  time: string;
  uptimeSeconds: number;
  /** of the data directory; null: not known */
  diskFreeBytes: number | null;
  /** of the models directory; null: not known */
  modelsDiskFreeBytes: number | null;
  engine: Engine;
  memory: Memory;
  backends: Backend[];
  /** who answers for whom, in the order in which it is decided */
  assignments: Assignment[];
  today: Today;
  /** those that the engine inside was asked for */
  models: LoadedModel[];
}

/** Engine is the engine inside. */
export interface Engine {
  /** "llama.cpp" */
  name: string;
  /** the pack and its version */
  build: string;
  /** what it is built for: "cpu", "metal", "cuda", "vulkan" */
  device: string;
  /** a model could answer now */
  ready: boolean;
  /** it is not ready; empty when it is */
  why: string;
}

/** Memory is the machine's, or the container's. */
export interface Memory {
  /** null: not known */
  totalBytes: number | null;
  /** null: not known */
  freeBytes: number | null;
  /** what loaded models take */
  modelBytes: number;
  /** of all models together; null: there is none */
  limitBytes: number | null;
}

/** Backend is one backend and how it does. */
export interface Backend {
  name: string;
  /** of the last probe: "up", "down", or "unknown" where nobody has asked */
  health: string;
  probedAt: string | null;
  /** of the last probe */
  lastError: string;
  /** it is asked again, passed over when it fails, and probed */
  guarded: boolean;
  /** those that were asked */
  models: BackendModel[];
}

/** BackendModel is a model of a backend. The counts are since the start of the backend. */
export interface BackendModel {
  model: string;
  /** "closed", "open" or "half-open" */
  breaker: string;
  requests: number;
  failures: number;
  throttles: number;
  retries: number;
  /** how often the next candidate was asked after it */
  fallbacks: number;
  /** how often it was not asked because the breaker was open */
  passedOver: number;
  lastError: string;
  lastErrorAt: string | null;
}

/** Assignment is a line of the list of who answers for whom. */
export interface Assignment {
  /** a pattern of model IDs, or words for the rest */
  models: string;
  servedBy: string;
  standIn: boolean;
}

/** Today is what was used since midnight, UTC. It may lack the last second. */
export interface Today extends Sums {
  from: string;
  errorsByCode: ErrorCount[];
}

/** ErrorCount counts the requests that ended in one way. */
export interface ErrorCount {
  code: string;
  count: number;
}

/** Sums are what was used. */
export interface Sums {
  requests: number;
  errors: number;
  /** requests without a known price, counted at no cost */
  unpriced: number;
  tokens: Tokens;
  /** of rerankers */
  queries: number;
  /** a decimal number of dollars, exact */
  costUsd: string;
}

/** Tokens are counted as the bill counts them: those of the cache are beside input. */
export interface Tokens {
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
}

/** Usage is what was used, in groups. */
export interface Usage {
  from: string;
  /** not included */
  to: string;
  groupBy: string[];
  /** in the order of their keys */
  rows: UsageRow[];
  totals: Sums;
  /** empty: there is no more */
  nextToken: string;
}

/** UsageRow is one group. */
export interface UsageRow extends Sums {
  /** a value for each of groupBy; a tag that a request does not have is empty */
  keys: string[];
}
