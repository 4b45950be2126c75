/** A scheme of signing URLs: the parameter that identifies it, and the other parameters of the scheme. */
interface Scheme {
  readonly mark: RegExp;
  readonly parameters: RegExp;
}

const SCHEMES: readonly Scheme[] = [
  { mark: /^x-amz-signature$/, parameters: /^x-amz-/ },
  { mark: /^x-goog-signature$/, parameters: /^x-goog-/ },
  { mark: /^x-oss-signature$/, parameters: /^x-oss-/ },
  { mark: /^q-signature$/, parameters: /^(?:q-|x-cos-security-token$)/ },
  // Azure's shared access signatures.
  {
    mark: /^sig$/,
    parameters: /^(?:sig|se|st|sp|sr|sv|spr|sip|ss|srt|sdd|ses|skoid|sktid|skt|ske|sks|skv|scid)$/,
  },
  {
    mark: /^(?:signature|sign|hmac|md5|token|hash)$/,
    parameters:
      /^(?:signature|sign|hmac|md5|token|hash|expires?|expiry|exp|e|awsaccesskeyid|googleaccessid|ossaccesskeyid|key-pair-id|policy)$/,
  },
];
const EXPIRY = /^(?:expires?|expiry|exp|e|policy)$/;

/** The query of a URL without its temporary signature. It stays the same when the file's URL is signed again. */
export function unsignedQuery(url: string): string {
  const { search } = new URL(url);
  const fields = search.slice(1).split("&").map((field) => ({ field, name: nameOf(field) }));
  const isSigned = (mark: RegExp) => fields.some(({ name }) => mark.test(name));
  const scheme = SCHEMES.find(({ mark }, index) =>
    // A common parameter name counts as a signature only together with an expiry time.
    isSigned(mark) && (index < SCHEMES.length - 1 || isSigned(EXPIRY))
  );
  if (scheme === undefined) return search;
  const rest = fields.filter(({ name }) => !scheme.parameters.test(name)).map(({ field }) => field);
  return rest.length === 0 ? "" : `?${rest.join("&")}`;
}

function nameOf(field: string): string {
  const name = field.split("=", 1)[0]!;
  try {
    return decodeURIComponent(name).toLowerCase();
  } catch {
    return name.toLowerCase();
  }
}
