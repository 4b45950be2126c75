/** The command line asks for something that cannot be; the message is one sentence for the user. */
export class UsageError extends TypeError {
  override readonly name = "UsageError";
}
