import { ListFoundationModelAgreementOffers } from "@/api/bedrock.gen";
import { asServiceError, ServiceError, type Client } from "@/client";
import { forEach } from "./each";

/** What has to be accepted before a model is used. */
export interface Terms {
  id: string;
  token: string;
  text: string;
}

/** Reads the document of an offer. Its address is one of this server's, which may have another name in the browser. */
async function readDocument(address: string, signal: AbortSignal): Promise<string> {
  const { pathname, search } = new URL(address, window.location.origin);
  let answer: Response;
  try {
    answer = await fetch(pathname + search, { signal, cache: "no-store", redirect: "error" });
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    throw new ServiceError({
      code: "NetworkError",
      message: `The terms cannot be read: ${asServiceError(thrown).message}`,
    });
  }
  if (!answer.ok || !(answer.headers.get("content-type") ?? "").startsWith("text/plain")) {
    throw new ServiceError({
      code: `HTTP${answer.status}`,
      status: answer.status,
      message: "The terms cannot be read.",
      requestId: answer.headers.get("x-amzn-requestid") ?? "",
    });
  }
  return answer.text();
}

/** The terms of those models that they could be read of, and why not of the others. */
export interface Read {
  terms: Terms[];
  failed: { id: string; error: ServiceError }[];
}

/** The terms of models, in their order. It fails where there are none of any. */
export async function loadTerms(
  client: Client,
  ids: readonly string[],
  signal: AbortSignal,
  progress?: (over: number) => void,
): Promise<Read> {
  const found = new Map<string, Terms>();
  const read = async (id: string) => {
    const { offers } = await client.call(ListFoundationModelAgreementOffers, { modelId: id }, { signal });
    const [offer] = offers;
    if (!offer) throw new ServiceError({ code: "ResourceNotFoundException", message: `There is no offer for ${id}.` });
    const text = await readDocument(offer.termDetails.legalTerm.url ?? "", signal);
    found.set(id, { id, token: offer.offerToken, text });
  };
  const { failed } = await forEach(ids, read, { signal, ...(progress ? { progress } : {}) });
  signal.throwIfAborted();
  if (found.size === 0 && failed[0]) throw failed[0].error;
  return {
    terms: ids.flatMap((id) => found.get(id) ?? []),
    failed: failed.map(({ of, error }) => ({ id: of, error })),
  };
}

/** Documents that say the same of several models. */
export interface SharedTerms {
  text: string;
  of: { id: string; facts: string }[];
}

/**
 * Puts together what is the same: a document names its model in a first paragraph, says what it is in a second one,
 * and what follows is often the operator's text for all. A document of another form stands by itself.
 */
export function together(all: readonly Terms[]): SharedTerms[] {
  const groups = new Map<string, SharedTerms>();
  for (const { id, text } of all) {
    const [title = "", facts = "", ...rest] = text.trim().split("\n\n");
    const shared = title.includes(id) && rest.length > 0;
    const key = shared ? rest.join("\n\n") : text.trim();
    const group = groups.get(key) ?? { text: key, of: [] };
    group.of.push({ id, facts: shared ? facts : "" });
    groups.set(key, group);
  }
  return [...groups.values()];
}
