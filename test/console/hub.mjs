// A hub of models as Hugging Face has one, with files of this machine. It sends
// half of a file and keeps the rest back until it is told, so that a test sees a
// download that is under way without waiting for time to pass.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { pipeline } from "node:stream/promises";

export class Hub {
  #kept = true;
  #waiting = [];

  /** Starts a hub with one repository of one file. */
  static async start({ repository, name, file }) {
    const hub = new Hub();
    const { size } = await stat(file);
    const digest = createHash("sha256");
    await pipeline(createReadStream(file), digest);
    const oid = digest.digest("hex");
    const listing = JSON.stringify([
      { type: "file", path: name, size, oid: oid.slice(0, 40), lfs: { oid, size, pointerSize: 134 } },
    ]);
    hub.ranges = [];
    hub.server = createServer(async (request, response) => {
      const { pathname } = new URL(request.url, "http://hub");
      if (pathname === `/api/models/${repository}/tree/main`) {
        response.writeHead(200, { "Content-Type": "application/json" }).end(listing);
      } else if (pathname === `/${repository}/resolve/main/${name}`) {
        await hub.#send(request, response, { file, size, etag: `"${oid}"` }).catch(() => response.destroy());
      } else {
        response.writeHead(404, { "Content-Type": "application/json" }).end('{"error":"Repository not found"}');
      }
    });
    await new Promise((resolve) => hub.server.listen(0, "127.0.0.1", resolve));
    hub.url = `http://127.0.0.1:${hub.server.address().port}`;
    return hub;
  }

  async #send(request, response, { file, size, etag }) {
    const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const headers = { "Content-Type": "application/octet-stream", "Content-Length": size - start, "Accept-Ranges": "bytes", ETag: etag };
    if (start > 0) headers["Content-Range"] = `bytes ${start}-${size - 1}/${size}`;
    response.writeHead(start > 0 ? 206 : 200, headers);
    if (request.method === "HEAD") return response.end();
    this.ranges.push(start);
    const half = Math.floor(size / 2);
    if (start < half) await pipeline(createReadStream(file, { start, end: half - 1 }), response, { end: false });
    if (this.#kept) await new Promise((resolve) => this.#waiting.push(resolve));
    await pipeline(createReadStream(file, { start: Math.max(start, half) }), response);
  }

  /** Sends what was kept back, and keeps nothing back any more. */
  release() {
    this.#kept = false;
    for (const go of this.#waiting.splice(0)) go();
  }

  async stop() {
    this.release();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
