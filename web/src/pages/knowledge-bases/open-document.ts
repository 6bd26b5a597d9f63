import { s3, type Client } from "@/client";
import { fileName, parseUri } from "./files";

export const isPDF = (uri: string) => /\.pdf$/i.test(uri);

/**
 * Shows a PDF of a bucket in another tab, and saves what browsers do not show. fragment is what is behind the # of the PDF's
 * address.
 */
export async function openDocument(client: Client, region: string, uri: string, fragment = ""): Promise<void> {
  const place = parseUri(uri);
  if (!place) return;
  const blob = await s3.getObject(client, place.bucket, place.key, { region });
  const pdf = isPDF(uri);
  // A type of ours: a page of somebody's must not run as one of this origin.
  const url = URL.createObjectURL(new Blob([blob], { type: pdf ? "application/pdf" : "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  if (pdf) {
    link.href += fragment;
    link.target = "_blank";
    link.rel = "noopener";
  } else {
    link.download = fileName(uri);
  }
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
