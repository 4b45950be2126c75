/** A text in UTF-8, each byte as one character: what a field of HTTP is made of. */
export function toByteString(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}
