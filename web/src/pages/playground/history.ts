import { readConversation } from "./transfer";
import type { Conversation } from "./conversation";

/** A conversation in the list of those that are kept. */
export interface Entry {
  id: string;
  title: string;
  updated: string;
  models: string[];
  bytes: number;
  revision: number;
}

/** Where conversations are kept. */
export interface History {
  /** The latest first. */
  list(): Promise<Entry[]>;
  get(id: string): Promise<Conversation | undefined>;
  /**
   * Keeps a conversation. Where another tab has kept it meanwhile it is kept beside that one, under another ID; what
   * was kept is returned.
   */
  put(conversation: Conversation, copyId: string): Promise<Conversation>;
  remove(id: string): Promise<void>;
  clear(): Promise<void>;
}

/** Limits of what is kept. The oldest goes first. */
export const historyLimits = { count: 200, bytes: 200 << 20, one: 50 << 20 };

export class TooLarge extends Error {
  override readonly name = "TooLarge";
}

function entryOf(conversation: Conversation): Entry {
  const { id, title, updated, columns, revision } = conversation;
  return {
    id,
    title,
    updated,
    models: columns.map((column) => column.model).filter((model) => model !== ""),
    bytes: JSON.stringify(conversation).length,
    revision,
  };
}

/** The IDs of those that have to go. */
export function surplus(entries: readonly Entry[], limits = historyLimits): string[] {
  let bytes = 0;
  const gone: string[] = [];
  for (const [i, entry] of entries.toSorted((a, b) => b.updated.localeCompare(a.updated)).entries()) {
    bytes += entry.bytes;
    if (i >= limits.count || bytes > limits.bytes) gone.push(entry.id);
  }
  return gone;
}

/** What is to be stored of a conversation, seeing what is there. */
function next(conversation: Conversation, there: Entry | undefined, copyId: string): Conversation {
  const foreign = there !== undefined && there.revision !== conversation.revision;
  return { ...conversation, id: foreign ? copyId : conversation.id, revision: conversation.revision + 1 };
}

/** Keeps conversations as long as the page is there: for browsers that keep nothing. */
export class MemoryHistory implements History {
  readonly #all = new Map<string, Conversation>();

  async list(): Promise<Entry[]> {
    return [...this.#all.values()].map(entryOf).toSorted((a, b) => b.updated.localeCompare(a.updated));
  }

  async get(id: string): Promise<Conversation | undefined> {
    return this.#all.get(id);
  }

  async put(conversation: Conversation, copyId: string): Promise<Conversation> {
    const before = this.#all.get(conversation.id);
    const kept = next(conversation, before && entryOf(before), copyId);
    if (entryOf(kept).bytes > historyLimits.one) throw new TooLarge("The conversation is too large to be kept.");
    this.#all.set(kept.id, kept);
    for (const id of surplus(await this.list())) this.#all.delete(id);
    return kept;
  }

  async remove(id: string): Promise<void> {
    this.#all.delete(id);
  }

  async clear(): Promise<void> {
    this.#all.clear();
  }
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error ?? new Error("The browser's database failed.")));
  });
}

function finished(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = () => reject(transaction.error ?? new Error("The browser's database failed."));
    transaction.addEventListener("complete", () => resolve());
    transaction.addEventListener("error", fail);
    transaction.addEventListener("abort", fail);
  });
}

const databaseName = "outcrop-playground";
const entriesName = "entries";
const bodiesName = "conversations";

/** Opens the browser's database; undefined where it has none or refuses it. */
async function open(factory: IDBFactory): Promise<IDBDatabase> {
  const request = factory.open(databaseName, 1);
  request.addEventListener("upgradeneeded", () => {
    // Entries are apart, so that a list does not read all pictures that were ever attached.
    request.result.createObjectStore(entriesName);
    request.result.createObjectStore(bodiesName);
  });
  const database = await done(request);
  // Another tab that deletes or upgrades it need not wait for this one.
  database.addEventListener("versionchange", () => database.close());
  return database;
}

/** Keeps conversations in the browser, those of each principal apart. */
class BrowserHistory implements History {
  readonly #database: IDBDatabase;
  readonly #owner: string;

  constructor(database: IDBDatabase, owner: string) {
    this.#database = database;
    this.#owner = owner;
  }

  #key(id: string): IDBValidKey {
    return [this.#owner, id];
  }

  /** All keys of the owner: lists sort after texts. */
  #mine(): IDBKeyRange {
    return IDBKeyRange.bound([this.#owner], [this.#owner, []]);
  }

  async list(): Promise<Entry[]> {
    const store = this.#database.transaction(entriesName).objectStore(entriesName);
    const entries = await done<unknown[]>(store.getAll(this.#mine()));
    return (entries as Entry[]).toSorted((a, b) => b.updated.localeCompare(a.updated));
  }

  async get(id: string): Promise<Conversation | undefined> {
    const store = this.#database.transaction(bodiesName).objectStore(bodiesName);
    const value = await done<unknown>(store.get(this.#key(id)));
    // An older release may have written it.
    return value === undefined ? undefined : readConversation(value);
  }

  async put(conversation: Conversation, copyId: string): Promise<Conversation> {
    const transaction = this.#database.transaction([entriesName, bodiesName], "readwrite");
    const ended = finished(transaction);
    const entries = transaction.objectStore(entriesName);
    const bodies = transaction.objectStore(bodiesName);
    const there = (await done<unknown>(entries.get(this.#key(conversation.id)))) as Entry | undefined;
    const kept = next(conversation, there, copyId);
    const entry = entryOf(kept);
    if (entry.bytes > historyLimits.one) {
      ended.catch(() => undefined);
      transaction.abort();
      throw new TooLarge("The conversation is too large to be kept.");
    }
    entries.put(entry, this.#key(kept.id));
    bodies.put(kept, this.#key(kept.id));
    const all = (await done<unknown[]>(entries.getAll(this.#mine()))) as Entry[];
    for (const id of surplus(all)) {
      entries.delete(this.#key(id));
      bodies.delete(this.#key(id));
    }
    await ended;
    return kept;
  }

  async remove(id: string): Promise<void> {
    const transaction = this.#database.transaction([entriesName, bodiesName], "readwrite");
    transaction.objectStore(entriesName).delete(this.#key(id));
    transaction.objectStore(bodiesName).delete(this.#key(id));
    await finished(transaction);
  }

  async clear(): Promise<void> {
    const transaction = this.#database.transaction([entriesName, bodiesName], "readwrite");
    transaction.objectStore(entriesName).delete(this.#mine());
    transaction.objectStore(bodiesName).delete(this.#mine());
    await finished(transaction);
  }
}

/** The conversations of a principal in this browser, or in memory where it keeps nothing. */
export async function openHistory(owner: string): Promise<{ history: History; kept: boolean }> {
  try {
    return { history: new BrowserHistory(await open(indexedDB), owner), kept: true };
  } catch {
    return { history: new MemoryHistory(), kept: false };
  }
}
