/** The system's name for a failure, such as `ENOSPC`; `undefined` for an error without one. */
export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}
