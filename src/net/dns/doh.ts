import { Buffer } from "node:buffer";
import type { HttpClient, HttpResponse } from "../../runtime/runtime.ts";
import type { FetchDoh } from "./dns_client.ts";

const MAX_MESSAGE_BYTES = 65_535;

/** Sends DNS messages over HTTPS with GET (RFC 8484, section 4.1). */
export function dohOver(client: HttpClient): FetchDoh {
  return async (server, message, signal) => {
    const url = new URL(server);
    url.searchParams.set("dns", Buffer.from(message).toString("base64url"));
    const headers = new Headers({ accept: "application/dns-message" });
    const response = await client.get(url.href, { headers, signal });
    try {
      if (response.status !== 200) throw failed(`HTTP_${response.status}`);
      return await readAll(response);
    } catch (error) {
      await response.body?.cancel().catch(() => {}); // `error` is reported instead
      throw error;
    }
  };
}

async function readAll(response: HttpResponse): Promise<Uint8Array> {
  const message = new Uint8Array(MAX_MESSAGE_BYTES);
  let length = 0;
  for await (const chunk of response.body ?? []) {
    if (length + chunk.length > message.length) throw failed("TOO_LONG");
    message.set(chunk, length);
    length += chunk.length;
  }
  return message.subarray(0, length);
}

function failed(code: string): Error {
  return Object.assign(new Error(code), { code });
}
