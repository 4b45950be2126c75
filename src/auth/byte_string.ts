/** A text in UTF-8 with each byte as one character, as HTTP fields need it. */
export function toByteString(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}
