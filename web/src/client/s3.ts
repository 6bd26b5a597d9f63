import type { CallOptions, Client } from "./client";
import { ServiceError } from "./errors";

/** An object of a bucket. */
export interface S3Object {
  key: string;
  size: number;
  modified: string;
  etag: string;
}

export interface S3Listing {
  objects: S3Object[];
  /** The common beginnings of keys, up to the next slash. */
  folders: string[];
  /** Asks for what follows; undefined at the end. */
  next?: string | undefined;
}

const keyPath = (bucket: string, key: string) =>
  `/${encodeURIComponent(bucket)}/${key.split("/").map(encodeURIComponent).join("/")}`;

const text = (of: Element | Document, tag: string) => of.getElementsByTagName(tag)[0]?.textContent ?? "";

async function xml(answer: Response): Promise<Document> {
  return new DOMParser().parseFromString(await answer.text(), "application/xml");
}

/** The names of the buckets. */
export async function listBuckets(client: Client, options?: CallOptions): Promise<{ name: string; created: string }[]> {
  const doc = await xml(await client.raw({ signing: "s3", path: "/", method: "GET" }, options));
  return Array.from(doc.getElementsByTagName("Bucket"), (b) => ({
    name: text(b, "Name"),
    created: text(b, "CreationDate"),
  }));
}

/** Makes a bucket in the chosen region. */
export async function createBucket(client: Client, bucket: string, options?: CallOptions): Promise<void> {
  await client.raw({ signing: "s3", path: `/${encodeURIComponent(bucket)}`, method: "PUT" }, options);
}

/** One page of what lies below prefix, folders folded. */
export async function listObjects(
  client: Client,
  bucket: string,
  {
    prefix = "",
    after,
    folded = true,
    ...options
  }: CallOptions & { prefix?: string; after?: string; folded?: boolean } = {},
): Promise<S3Listing> {
  const query = new URLSearchParams({ "list-type": "2", prefix });
  if (folded) query.set("delimiter", "/");
  if (after) query.set("continuation-token", after);
  const path = `/${encodeURIComponent(bucket)}?${query.toString()}`;
  const doc = await xml(await client.raw({ signing: "s3", path, method: "GET" }, options));
  return {
    objects: Array.from(doc.getElementsByTagName("Contents"), (o) => ({
      key: text(o, "Key"),
      size: Number(text(o, "Size")),
      modified: text(o, "LastModified"),
      etag: text(o, "ETag").replaceAll('"', ""),
    })),
    folders: Array.from(doc.getElementsByTagName("CommonPrefixes"), (p) => text(p, "Prefix")),
    next: text(doc, "NextContinuationToken") || undefined,
  };
}

/** The bytes of an object. */
export async function getObject(client: Client, bucket: string, key: string, options?: CallOptions): Promise<Blob> {
  const answer = await client.raw({ signing: "s3", path: keyPath(bucket, key), method: "GET" }, options);
  return answer.blob();
}

/** Deletes an object; one that is not there is no error. */
export async function deleteObject(client: Client, bucket: string, key: string, options?: CallOptions): Promise<void> {
  await client.raw({ signing: "s3", path: keyPath(bucket, key), method: "DELETE" }, options);
}

/** Puts an object and tells how far it has got, from 0 to 1. */
export function putObject(
  client: Client,
  bucket: string,
  key: string,
  body: Blob,
  { progress, signal, region }: CallOptions & { progress?: (part: number) => void } = {},
): Promise<void> {
  const { url, headers } = client.address({ signing: "s3", path: keyPath(bucket, key) }, region);
  return new Promise((resolve, reject) => {
    const stopped = () => reject(new DOMException("The upload was stopped.", "AbortError"));
    if (signal?.aborted) return stopped();
    const xhr = new XMLHttpRequest();
    xhr.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    if (body.type) xhr.setRequestHeader("Content-Type", body.type);
    xhr.upload.addEventListener("progress", (e) => e.lengthComputable && progress?.(e.loaded / e.total));
    xhr.addEventListener("error", () =>
      reject(new ServiceError({ code: "NetworkError", message: "The server cannot be reached." })),
    );
    xhr.addEventListener("abort", stopped);
    xhr.addEventListener("load", () => {
      if (xhr.status < 300) return resolve();
      const given = xhr.getAllResponseHeaders().trim().split(/\r?\n/).filter(Boolean);
      const list = given.map((line) => line.split(/:\s*(.*)/s).slice(0, 2) as [string, string]);
      void client.refused(new Response(xhr.responseText, { status: xhr.status, headers: list })).then(reject);
    });
    signal?.addEventListener("abort", () => xhr.abort(), { once: true });
    xhr.send(body);
  });
}
