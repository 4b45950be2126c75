/** The command line is not valid. The message is one sentence for the user. */
export class UsageError extends TypeError {
  override readonly name = "UsageError";
}
