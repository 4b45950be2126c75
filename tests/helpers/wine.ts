import process from "node:process";

/** Whether this is a program of Windows that runs under Wine, which sets this variable for each of them. */
export const IS_WINE = process.platform === "win32" && process.env["WINELOADER"] !== undefined;

/** The `skip` of a test that Wine cannot pass; it says which of Wine's own faults that is. */
export function skipOnWine(fault: string): string | false {
  return IS_WINE && `Wine: ${fault}`;
}

/** For tests in which nobody listens where a client connects to. */
export const WITH_REFUSALS = { skip: skipOnWine("a connection that is refused seems to stand for ever") };

/** For tests in which a peer resets a connection whose end means something else. */
export const WITH_RESETS = { skip: skipOnWine("a connection that was reset seems to have ended") };
