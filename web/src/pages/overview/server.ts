/** What this page reads of GET /outcrop/server. */
export interface Server {
  version: string;
  account: string;
  offline: boolean;
  started: string;
  uptimeSeconds: number;
  diskFreeBytes: number | null;
  engine: { name: string; build: string; ready: boolean; why: string };
  memory: { totalBytes: number | null; freeBytes: number | null };
  assignments: { models: string; servedBy: string; standIn: boolean }[];
  today: { requests: number; errors: number; tokens: { input: number; output: number }; costUsd: string };
}
